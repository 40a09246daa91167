"""What an operator decides about an island: approved or not, verified or not."""

from typing import Final

import pytest

from commands.fleet import offer_after
from domain.island import ISLAND as ISLAND_DECIDER
from domain.island_commands import (
    ApproveIsland,
    EnrolIsland,
    EnrolPasswordIsland,
    IslandCommand,
    PairIsland,
    RejectIsland,
    VerifyCapabilities,
    WithdrawVerification,
)
from domain.island_events import IslandEvent
from domain.placement import Offer, Refusal, refusal
from domain.rejection import Rejection
from tests.examples import (
    ISLAND,
    OWNER,
    T0_MS,
    USER_KEY,
    WANT,
    approved,
    at_ms,
    came_online,
    enrolled,
    joined,
    key_replaced,
    paired,
    registered,
    removed,
    revoked,
)
from tests.oversight_examples import rejected, verification_withdrawn, verified
from tests.scenario import Scenario

island = Scenario(ISLAND_DECIDER)
approve = ApproveIsland(island_id=ISLAND, now_ms=approved().approved_at_ms)
reject = RejectIsland(island_id=ISLAND, reason=rejected().reason, now_ms=at_ms(4))
verify = VerifyCapabilities(island_id=ISLAND, notes=verified().notes, now_ms=at_ms(5))
withdraw = WithdrawVerification(island_id=ISLAND, reason=verification_withdrawn().reason, now_ms=at_ms(6))
pair_for_review = PairIsland(island_id=ISLAND, owner_id=OWNER, now_ms=at_ms(3), needs_review=True)
enrol_for_review = EnrolIsland(
    island_id=ISLAND, owner_id=OWNER, name=ISLAND, user_key=USER_KEY, now_ms=T0_MS, needs_review=True
)
UNDER_REVIEW: Final = (joined(), paired()[0])


def test_where_new_islands_are_reviewed_pairing_does_not_approve() -> None:
    island.given(joined()).when(pair_for_review).then(paired()[0])
    island.given().when(enrol_for_review).then(enrolled()[0])
    with_password = EnrolPasswordIsland(
        island_id=ISLAND,
        owner_id=OWNER,
        name=ISLAND,
        local_id="an-island",
        password_sha256="f" * 64,
        now_ms=T0_MS,
        needs_review=True,
    )
    assert len(island.given().when(with_password).decided()) == 1


def test_an_operator_approves_an_island_once() -> None:
    island.given(*UNDER_REVIEW).when(approve).then(approved())
    island.given(*UNDER_REVIEW, approved()).when(approve).then_nothing()


def test_an_operator_rejects_an_island_once_and_may_change_the_mind() -> None:
    island.given(*UNDER_REVIEW).when(reject).then(rejected())
    island.given(*UNDER_REVIEW, rejected()).when(reject).then_nothing()
    island.given(*UNDER_REVIEW, rejected()).when(approve).then(approved())


def test_an_island_that_works_is_suspended_and_not_rejected() -> None:
    island.given(*enrolled()).when(reject).then_rejected(Rejection.ISLAND_APPROVED)


def test_a_revoked_island_has_lost_its_approval() -> None:
    back = (*enrolled(), revoked(), key_replaced(), paired()[0])
    island.given(*back).when(reject).then(rejected())
    island.given(*back).when(approve).then(approved())


@pytest.mark.parametrize("command", [approve, reject])
@pytest.mark.parametrize("past", [[joined()], [*enrolled(), removed()]], ids=["waiting", "removed"])
def test_what_nobody_vouches_for_is_neither_approved_nor_rejected(
    past: list[IslandEvent], command: IslandCommand
) -> None:
    expected = Rejection.ISLAND_NOT_PAIRED
    island.given(*past).when(command).then_rejected(expected)


def test_capabilities_are_verified_once_and_the_word_may_be_withdrawn() -> None:
    known = (*enrolled(), registered())
    island.given(*known).when(verify).then(verified())
    island.given(*known, verified()).when(verify).then_nothing()
    island.given(*known, verified()).when(withdraw).then(verification_withdrawn())
    island.given(*known).when(withdraw).then_nothing()
    island.given(*known, verified(), verification_withdrawn()).when(verify).then(verified())


def test_capabilities_that_were_never_told_cannot_be_verified() -> None:
    island.given(*enrolled()).when(verify).then_rejected(Rejection.ISLAND_NOT_REGISTERED)


@pytest.mark.parametrize("command", [approve, reject, verify, withdraw])
def test_an_unknown_island_is_not_found(command: IslandCommand) -> None:
    island.given().when(command).then_rejected(Rejection.ISLAND_UNKNOWN)


def test_only_an_approved_island_gets_jobs() -> None:
    offer: Offer | None = None
    for event in (*UNDER_REVIEW, registered(), came_online(), rejected()):
        offer = offer_after(offer, event)
    assert offer is not None
    assert refusal(WANT, offer, now_ms=T0_MS, retry_allowed=False) is Refusal.NOT_APPROVED
    offer = offer_after(offer, approved())
    assert offer is not None
    assert refusal(WANT, offer, now_ms=T0_MS, retry_allowed=False) is not Refusal.NOT_APPROVED
