"""People: checked once, reset, banned and let in again."""

from typing import Final

from domain.person import (
    PERSON,
    BanPerson,
    ErasePerson,
    ResetIdentity,
    StartIdentityCheck,
    UnbanPerson,
    VerifyIdentity,
)
from tests.examples import CUSTOMER, at_ms
from tests.oversight_examples import BANNED, CHECK_STARTED, ERASED, RESET, UNBANNED, VERIFIED
from tests.scenario import Scenario

somebody = Scenario(PERSON)
start: Final = StartIdentityCheck(account_id=CUSTOMER, session_id="session-1", now_ms=at_ms(1))
verify: Final = VerifyIdentity(account_id=CUSTOMER, country="CH", now_ms=at_ms(2))
reset: Final = ResetIdentity(account_id=CUSTOMER, reason=RESET.reason, now_ms=at_ms(3))
ban: Final = BanPerson(account_id=CUSTOMER, reason=BANNED.reason, now_ms=at_ms(4))
unban: Final = UnbanPerson(account_id=CUSTOMER, now_ms=at_ms(5))
erase: Final = ErasePerson(account_id=CUSTOMER, now_ms=at_ms(6))


def test_one_check_is_under_way_at_a_time() -> None:
    somebody.given().when(start).then(CHECK_STARTED)
    somebody.given(CHECK_STARTED).when(start).then_nothing()
    somebody.given(CHECK_STARTED, VERIFIED).when(start).then_nothing()
    somebody.given(CHECK_STARTED, RESET).when(start).then(CHECK_STARTED)


def test_an_identity_is_verified_once_and_may_be_reset() -> None:
    somebody.given().when(verify).then(VERIFIED)
    somebody.given(VERIFIED).when(verify).then_nothing()
    somebody.given(VERIFIED).when(reset).then(RESET)
    somebody.given(CHECK_STARTED).when(reset).then(RESET)
    somebody.given().when(reset).then_nothing()
    somebody.given(VERIFIED, RESET).when(reset).then_nothing()


def test_a_ban_lasts_until_it_is_ended() -> None:
    somebody.given().when(ban).then(BANNED)
    somebody.given(BANNED).when(ban).then_nothing()
    somebody.given(BANNED, VERIFIED).when(unban).then(UNBANNED)
    somebody.given().when(unban).then_nothing()
    somebody.given(BANNED, UNBANNED).when(ban).then(BANNED)


def test_whoever_is_erased_never_comes_back() -> None:
    somebody.given().when(erase).then(ERASED)
    somebody.given(BANNED).when(erase).then(ERASED)
    for command in (erase, ban, unban, verify, start):
        somebody.given(ERASED).when(command).then_nothing()
    assert PERSON.fold([ERASED]).is_banned
