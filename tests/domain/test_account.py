"""The rules of an account, as sentences and as laws of any history."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.account import ACCOUNT, OPEN_JOBS_MAX
from domain.account_commands import (
    AccountCommand,
    EarnCredits,
    EarnedShare,
    GrantCredits,
    HoldCredits,
    OpenAccount,
    ReleaseEscrow,
    ReleaseHold,
    SettleHold,
    SplitHold,
)
from domain.account_events import (
    AccountEvent,
    CreditsEarned,
    CreditsGranted,
    CreditsHeld,
    EscrowReleased,
    HoldReleased,
    HoldSettled,
    HoldSplit,
)
from domain.ids import IslandId, JobId
from domain.pricing import AMOUNT_MICRO_MAX
from domain.rejection import Rejection
from tests.examples import (
    BID_MICRO,
    CUSTOMER,
    ISLAND,
    JOB_ID,
    OTHER_ISLAND,
    OTHER_JOB_ID,
    OWNER,
    PRICE_MICRO,
    PUBLISHER,
    T0_MS,
    at_ms,
    granted,
    held,
    opened,
    settled,
)
from tests.scenario import Scenario, added

account = Scenario(ACCOUNT)
rich = (opened(), granted())


def grant(amount_micro: int, grant_id: str = "sign-up") -> GrantCredits:
    return GrantCredits(
        account_id=CUSTOMER, grant_id=grant_id, amount_micro=amount_micro, reason="sign-up", now_ms=T0_MS
    )


def hold(amount_micro: int = BID_MICRO, job_id: JobId = JOB_ID) -> HoldCredits:
    return HoldCredits(account_id=CUSTOMER, job_id=job_id, amount_micro=amount_micro, now_ms=T0_MS)


def settle(charge_micro: int = PRICE_MICRO, job_id: JobId = JOB_ID) -> SettleHold:
    return SettleHold(
        account_id=CUSTOMER,
        job_id=job_id,
        charge_micro=charge_micro,
        island_id=ISLAND,
        owner_id=OWNER,
        publisher_id=PUBLISHER,
        now_ms=at_ms(6),
    )


def release(job_id: JobId = JOB_ID) -> ReleaseHold:
    return ReleaseHold(account_id=CUSTOMER, job_id=job_id, now_ms=at_ms(6))


def earn(amount_micro: int, island_id: IslandId | None = ISLAND, job_id: JobId = JOB_ID) -> EarnCredits:
    share = EarnedShare(island_id=island_id, amount_micro=amount_micro)
    return EarnCredits(account_id=OWNER, job_id=job_id, shares=(share,), now_ms=at_ms(7))


def earned(amount_micro: int, island_id: IslandId | None = ISLAND, *, escrowed: bool) -> CreditsEarned:
    return CreditsEarned(
        account_id=OWNER,
        job_id=JOB_ID,
        island_id=island_id,
        amount_micro=amount_micro,
        escrowed=escrowed,
        earned_at_ms=at_ms(7),
    )


def release_escrow(island_id: IslandId = ISLAND) -> ReleaseEscrow:
    return ReleaseEscrow(account_id=OWNER, island_id=island_id, now_ms=at_ms(8))


def escrow_released(amount_micro: int) -> EscrowReleased:
    return EscrowReleased(
        account_id=OWNER, island_id=ISLAND, amount_micro=amount_micro, released_at_ms=at_ms(8)
    )


released = HoldReleased(account_id=CUSTOMER, job_id=JOB_ID, released_micro=BID_MICRO, released_at_ms=at_ms(6))


def test_an_account_is_opened_once() -> None:
    command = OpenAccount(account_id=CUSTOMER, name=CUSTOMER, now_ms=T0_MS)
    account.given().when(command).then(opened())
    account.given(opened()).when(replace(command, name="another")).then_nothing()


@pytest.mark.parametrize("command", [grant(1), hold(), settle(), release(), earn(1), release_escrow()])
def test_an_account_that_was_never_opened_can_do_nothing(command: AccountCommand) -> None:
    account.given().when(command).then_rejected(Rejection.ACCOUNT_UNKNOWN)


def test_a_grant_is_given_once() -> None:
    account.given(opened()).when(grant(100)).then(granted(100))
    account.given(opened(), granted(100)).when(grant(100)).then_nothing()
    account.given(opened(), granted(100)).when(grant(101)).then_rejected(Rejection.GRANT_REUSED)


@pytest.mark.parametrize("amount_micro", [0, -1, AMOUNT_MICRO_MAX + 1])
def test_an_amount_that_no_edge_lets_through_is_a_defect(amount_micro: int) -> None:
    for command in (grant(amount_micro), hold(amount_micro), earn(amount_micro)):
        with pytest.raises(AssertionError):
            account.given(*rich).when(command).decided()


def test_a_hold_takes_free_credits_to_the_last() -> None:
    account.given(opened(), granted(BID_MICRO)).when(hold()).then(held())
    account.given(opened(), granted(BID_MICRO - 1)).when(hold()).then_rejected(Rejection.CREDITS_SHORT)


def test_held_credits_cannot_be_held_again() -> None:
    account.given(opened(), granted(BID_MICRO), held()).when(hold(1, OTHER_JOB_ID)).then_rejected(
        Rejection.CREDITS_SHORT
    )


def test_a_job_holds_once_and_for_one_amount() -> None:
    account.given(*rich, held()).when(hold()).then_nothing()
    account.given(*rich, held()).when(hold(BID_MICRO + 1)).then_rejected(Rejection.IDEMPOTENCY_MISMATCH)


@pytest.mark.parametrize("end", [settled(), released], ids=["settled", "released"])
def test_a_hold_that_was_closed_is_not_opened_again(end: AccountEvent) -> None:
    account.given(*rich, held(), end).when(hold()).then_nothing()
    account.given(*rich, held(), end).when(settle(1)).then_nothing()
    account.given(*rich, held(), end).when(release()).then_nothing()


def test_too_many_open_jobs_are_refused_until_one_ends() -> None:
    holds = [held(1, job_id=JobId(f"j-{number}")) for number in range(OPEN_JOBS_MAX)]
    ended = replace(released, job_id=JobId("j-0"), released_micro=1)
    account.given(*rich, *holds).when(hold(1)).then_rejected(Rejection.OPEN_JOBS_EXCEEDED)
    account.given(*rich, *holds, ended).when(hold(1)).then(held(1))


def test_settling_charges_the_price_shares_it_and_frees_the_rest() -> None:
    account.given(*rich, held()).when(settle()).then(settled())
    charge = settled()
    legs = (charge.platform_fee_micro, charge.publisher_micro, charge.island_micro)
    assert legs == (400_000, 200_000, 3_400_000)
    assert sum(legs) + charge.released_micro == BID_MICRO


@pytest.mark.parametrize("charge_micro", [-1, 0, BID_MICRO + 1])
def test_a_charge_outside_its_hold_is_refused(charge_micro: int) -> None:
    account.given(*rich, held()).when(settle(charge_micro)).then_rejected(Rejection.CHARGE_OUTSIDE_HOLD)


def test_the_whole_hold_may_be_charged() -> None:
    (event,) = account.given(*rich, held()).when(settle(BID_MICRO)).decided()
    assert isinstance(event, HoldSettled)
    assert (event.charged_micro, event.released_micro) == (BID_MICRO, 0)


def test_a_job_that_ended_badly_frees_its_hold() -> None:
    account.given(*rich, held()).when(release()).then(released)
    assert ACCOUNT.fold((*rich, held(), released)).free_micro == granted().amount_micro


@pytest.mark.parametrize("command", [settle(), release()])
def test_what_was_never_held_cannot_be_closed(command: AccountCommand) -> None:
    account.given(*rich).when(command).then_rejected(Rejection.HOLD_UNKNOWN)


def test_what_a_new_island_earns_waits_in_escrow() -> None:
    account.given(opened(OWNER)).when(earn(50)).then(earned(50, escrowed=True))
    state = ACCOUNT.fold((opened(OWNER), earned(50, escrowed=True)))
    assert (state.free_micro, state.escrow_micro) == (0, {ISLAND: 50})


def test_a_publisher_does_not_wait() -> None:
    account.given(opened(OWNER)).when(earn(50, None)).then(earned(50, None, escrowed=False))
    assert ACCOUNT.fold((opened(OWNER), earned(50, None, escrowed=False))).free_micro == 50


def test_a_job_pays_its_island_once_and_its_publisher_once() -> None:
    history = (opened(OWNER), earned(50, escrowed=True))
    account.given(*history).when(earn(50)).then_nothing()
    account.given(*history).when(earn(50, OTHER_ISLAND)).then_nothing()
    account.given(*history).when(earn(5, None)).then(earned(5, None, escrowed=False))


def test_payouts_free_the_escrow_of_one_island_now_and_from_now_on() -> None:
    history = (opened(OWNER), earned(50, escrowed=True))
    other = replace(earned(9, OTHER_ISLAND, escrowed=True), job_id=OTHER_JOB_ID)
    account.given(*history, other).when(release_escrow()).then(escrow_released(50))
    state = ACCOUNT.fold((*history, other, escrow_released(50)))
    assert (state.free_micro, state.escrow_micro) == (50, {OTHER_ISLAND: 9})
    account.given(*history, escrow_released(50)).when(release_escrow()).then_nothing()
    (later,) = account.given(*history, escrow_released(50)).when(earn(7, job_id=OTHER_JOB_ID)).decided()
    assert isinstance(later, CreditsEarned)
    assert not later.escrowed


def test_payouts_without_escrow_free_nothing_but_what_comes() -> None:
    account.given(opened(OWNER)).when(release_escrow()).then(escrow_released(0))


# Laws.

amounts = st.integers(1, 60)
jobs = st.sampled_from([JobId(f"j-{number}") for number in range(4)])
islands = st.sampled_from([ISLAND, OTHER_ISLAND])
commands: st.SearchStrategy[AccountCommand] = st.one_of(
    st.builds(grant, amounts, st.sampled_from("abc")),
    st.builds(hold, amounts, jobs),
    st.builds(settle, amounts, jobs),
    st.builds(release, jobs),
    st.builds(earn, amounts, st.none() | islands, jobs),
    st.builds(release_escrow, islands),
)
scripts = st.lists(commands, min_size=10, max_size=40)


def decided_by(script: Sequence[AccountCommand]) -> list[AccountEvent]:
    past: list[AccountEvent] = [opened()]
    for command in script:
        past += added(ACCOUNT, past, command)
    return past


@for_all(scripts)
def test_what_was_decided_once_is_never_decided_again(script: list[AccountCommand]) -> None:
    past: list[AccountEvent] = [opened()]
    decided: list[AccountCommand] = []
    for command in script:
        if events := added(ACCOUNT, past, command):
            past += events
            decided.append(command)
        for old in decided:
            assert added(ACCOUNT, past, old) == []


def came_in(event: AccountEvent) -> int:
    match event:
        case CreditsGranted() | CreditsEarned():
            return event.amount_micro
        case HoldSettled():
            return -event.charged_micro
        case _:
            return 0


@for_all(scripts)
def test_money_is_conserved_and_no_part_of_it_is_ever_negative(script: list[AccountCommand]) -> None:
    """Free + held + escrow = granted + earned - charged, after every single event."""
    past = decided_by(script)
    for number in range(len(past) + 1):
        now = ACCOUNT.fold(past[:number])
        parts = [now.free_micro, *now.holds_micro.values(), *now.escrow_micro.values()]
        assert sum(parts) == sum(came_in(event) for event in past[:number])
        assert min(parts) >= 0


@for_all(scripts)
def test_every_hold_is_closed_at_most_once_and_for_what_was_held(script: list[AccountCommand]) -> None:
    past = decided_by(script)
    held_micro = {event.job_id: event.amount_micro for event in past if isinstance(event, CreditsHeld)}
    closed: dict[JobId, int] = {}
    for event in past:
        if isinstance(event, HoldSettled | HoldReleased):
            assert event.job_id not in closed
            charged = event.charged_micro if isinstance(event, HoldSettled) else 0
            closed[event.job_id] = charged + event.released_micro
    assert closed.items() <= held_micro.items()
    assert set(ACCOUNT.fold(past).holds_micro) == held_micro.keys() - closed.keys()


def part(amount_micro: int) -> SplitHold:
    return SplitHold(
        account_id=CUSTOMER,
        job_id=JOB_ID,
        into_job_id=OTHER_JOB_ID,
        amount_micro=amount_micro,
        now_ms=at_ms(2),
    )


def was_split(amount_micro: int) -> HoldSplit:
    return HoldSplit(
        account_id=CUSTOMER,
        job_id=JOB_ID,
        into_job_id=OTHER_JOB_ID,
        amount_micro=amount_micro,
        split_at_ms=at_ms(2),
    )


def test_part_of_a_hold_can_stand_for_another_job() -> None:
    account.given(*rich, held()).when(part(BID_MICRO // 4)).then(was_split(BID_MICRO // 4))


def test_a_split_repeated_decides_nothing() -> None:
    account.given(*rich, held(), was_split(BID_MICRO // 4)).when(part(BID_MICRO // 4)).then_nothing()


def test_both_parts_of_a_hold_are_released_as_what_they_are() -> None:
    parts = (*rich, held(), was_split(BID_MICRO // 4))
    for job_id, amount_micro in ((JOB_ID, BID_MICRO - BID_MICRO // 4), (OTHER_JOB_ID, BID_MICRO // 4)):
        release = ReleaseHold(account_id=CUSTOMER, job_id=job_id, now_ms=at_ms(3))
        account.given(*parts).when(release).then(
            HoldReleased(
                account_id=CUSTOMER, job_id=job_id, released_micro=amount_micro, released_at_ms=at_ms(3)
            )
        )


def test_the_last_part_of_a_hold_closes_it() -> None:
    account.given(*rich, held()).when(part(BID_MICRO)).then(was_split(BID_MICRO))
    release = ReleaseHold(account_id=CUSTOMER, job_id=JOB_ID, now_ms=at_ms(3))
    account.given(*rich, held(), was_split(BID_MICRO)).when(release).then_nothing()


@pytest.mark.parametrize("amount_micro", [0, -1, BID_MICRO + 1])
def test_a_part_is_at_most_the_hold(amount_micro: int) -> None:
    account.given(*rich, held()).when(part(amount_micro)).then_rejected(Rejection.SPLIT_OUTSIDE_HOLD)
