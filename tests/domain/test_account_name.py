"""The name an account goes by."""

from domain.account import ACCOUNT
from domain.account_commands import RenameAccount
from domain.account_events import AccountRenamed
from domain.rejection import Rejection
from tests.examples import CUSTOMER, at_ms, granted, opened
from tests.scenario import Scenario

account = Scenario(ACCOUNT)
RENAME = RenameAccount(account_id=CUSTOMER, name="Ada", now_ms=at_ms(1))
RENAMED = AccountRenamed(account_id=CUSTOMER, name="Ada", renamed_at_ms=at_ms(1))


def test_an_account_is_renamed_as_often_as_somebody_asks() -> None:
    account.given(opened()).when(RENAME).then(RENAMED)
    account.given(opened(), RENAMED).when(RENAME).then(RENAMED)


def test_a_name_needs_an_account() -> None:
    account.given().when(RENAME).then_rejected(Rejection.ACCOUNT_UNKNOWN)


def test_a_name_changes_nothing_that_is_owned() -> None:
    assert ACCOUNT.fold([opened(), granted(), RENAMED]) == ACCOUNT.fold([opened(), granted()])
