"""What an account bids where its jobs do not say: saved, replaced, forgotten, bounded."""

from domain.account import ACCOUNT, SAVED_BIDS_MAX
from domain.account_commands import SaveBid
from domain.account_events import BidSaved
from domain.ids import CargoSlug
from domain.rejection import Rejection
from tests.examples import CUSTOMER, SLUG, at_ms, opened
from tests.scenario import Scenario

account = Scenario(ACCOUNT)


def save(bid_micro: int | None, slug: CargoSlug = SLUG) -> SaveBid:
    return SaveBid(account_id=CUSTOMER, slug=slug, bid_micro=bid_micro, now_ms=at_ms(1))


def saved(bid_micro: int | None, slug: CargoSlug = SLUG) -> BidSaved:
    return BidSaved(account_id=CUSTOMER, slug=slug, bid_micro=bid_micro, saved_at_ms=at_ms(1))


def test_a_bid_is_saved_once_and_can_be_replaced() -> None:
    account.given(opened()).when(save(5)).then(saved(5))
    account.given(opened(), saved(5)).when(save(5)).then_nothing()
    account.given(opened(), saved(5)).when(save(7)).then(saved(7))


def test_a_forgotten_bid_is_gone() -> None:
    account.given(opened(), saved(5)).when(save(None)).then(saved(None))
    account.given(opened(), saved(5), saved(None)).when(save(None)).then_nothing()
    assert ACCOUNT.fold([opened(), saved(5), saved(None)]).saved_bids == {}


def test_saved_bids_are_bounded() -> None:
    many = [saved(1, CargoSlug(f"cargo-{number}")) for number in range(SAVED_BIDS_MAX)]
    account.given(opened(), *many).when(save(1)).then_rejected(Rejection.SAVED_BIDS_EXCEEDED)
    account.given(opened(), *many).when(save(None)).then_nothing()
    account.given(opened(), *many).when(save(2, CargoSlug("cargo-0"))).then(saved(2, CargoSlug("cargo-0")))


def test_a_bid_needs_an_account() -> None:
    account.given().when(save(1)).then_rejected(Rejection.ACCOUNT_UNKNOWN)
