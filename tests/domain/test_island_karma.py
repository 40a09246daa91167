"""How an island earns and loses karma; karma as a law of any history."""

from dataclasses import replace

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.ids import JobId
from domain.island import ISLAND as ISLAND_DECIDER
from domain.island_commands import (
    CreditWork,
    IslandCommand,
    PenalizeFlood,
    PenalizeKarma,
    ReinstateIsland,
)
from domain.island_events import (
    CooldownStarted,
    FloodPenalized,
    IslandEvent,
    IslandSuspended,
    KarmaPenalized,
    PayoutsUnlocked,
    WorkCredited,
)
from domain.karma import (
    MINUTE_MS,
    PAYOUT_KARMA,
    PENALTY_POINTS,
    SUSPENSION_KARMA,
    WRONG_RESULT,
    Penalty,
    multiplier_permille,
)
from domain.rejection import Rejection
from tests.examples import (
    CUSTOMER,
    ISLAND,
    JOB_ID,
    OWNER,
    T0_MS,
    at_ms,
    enrolled,
    flood_penalized,
    joined,
    key_replaced,
    paired,
    removed,
    revoked,
)
from tests.scenario import Scenario, added

island = Scenario(ISLAND_DECIDER)
suspended = IslandSuspended(island_id=ISLAND, reason="karma fell to -11, below -10", suspended_at_ms=T0_MS)


def credit(minutes: float, job_id: str = JOB_ID, attempt: int = 1) -> CreditWork:
    return CreditWork(
        island_id=ISLAND,
        job_id=JobId(job_id),
        attempt=attempt,
        worked_ms=round(minutes * MINUTE_MS),
        now_ms=at_ms(5),
    )


def penalize(penalty: Penalty = Penalty.LEASE_LOST, job_id: str = JOB_ID, attempt: int = 1) -> PenalizeKarma:
    return PenalizeKarma(
        island_id=ISLAND, job_id=JobId(job_id), attempt=attempt, penalty=penalty, now_ms=at_ms(5)
    )


def penalized(number: int, penalty: Penalty, karma: int, faults: int | None = None) -> KarmaPenalized:
    return KarmaPenalized(
        island_id=ISLAND,
        job_id=JobId(f"j-{number}"),
        attempt=1,
        penalty=penalty,
        karma_delta=-PENALTY_POINTS[penalty],
        karma=karma,
        faults_in_row=number if faults is None else faults,
        karma_rules_version=1,
        penalized_at_ms=at_ms(5),
    )


def credited(**fields: int) -> WorkCredited:
    plain = WorkCredited(
        island_id=ISLAND,
        job_id=JOB_ID,
        attempt=1,
        worked_ms=25 * MINUTE_MS,
        multiplier_permille=1500,
        karma_delta=0,
        karma=0,
        pending_minutes=37,
        pending_ms=0,
        karma_rules_version=1,
        credited_at_ms=at_ms(5),
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # every field that a test changes is a number


# Work and faults.


def test_work_is_credited_with_its_cause() -> None:
    island.given(*enrolled()).when(credit(25)).then(credited())
    island.given(*enrolled(), credited()).when(credit(20, "j-2")).then(
        credited(
            job_id="j-2",  # type: ignore[arg-type]  # an id is a string at heart
            worked_ms=20 * MINUTE_MS,
            karma_delta=1,
            karma=1,
            pending_minutes=7,
        )
    )


def test_an_attempt_is_judged_once_whatever_the_judgement() -> None:
    for command in (credit(25), penalize()):
        island.given(*enrolled(), credited()).when(command).then_nothing()
        island.given(*enrolled(), replace(penalized(1, Penalty.LEASE_LOST, -2), job_id=JOB_ID)).when(
            command
        ).then_nothing()
    (second,) = island.given(*enrolled(), credited()).when(penalize(attempt=2)).decided()
    assert isinstance(second, KarmaPenalized)


def test_ten_points_unlock_payouts_once() -> None:
    almost = credited(karma=PAYOUT_KARMA - 1, pending_minutes=59)
    credit_, unlocked = island.given(*enrolled(), almost).when(credit(1, "j-2")).decided()
    assert isinstance(credit_, WorkCredited)
    assert (credit_.karma, credit_.karma_delta) == (PAYOUT_KARMA, 1)
    assert unlocked == PayoutsUnlocked(island_id=ISLAND, owner_id=OWNER, unlocked_at_ms=at_ms(5))
    (later,) = island.given(*enrolled(), almost, credit_, unlocked).when(credit(600, "j-3")).decided()
    assert isinstance(later, WorkCredited)


def test_points_short_of_ten_unlock_nothing() -> None:
    (event,) = (
        island.given(*enrolled(), credited(karma=8, pending_minutes=59)).when(credit(1, "j-2")).decided()
    )
    assert isinstance(event, WorkCredited)
    assert event.karma == PAYOUT_KARMA - 1


def test_a_lost_lease_costs_two_points() -> None:
    island.given(*enrolled()).when(penalize(job_id="j-1")).then(penalized(1, Penalty.LEASE_LOST, -2))


def test_the_third_fault_in_a_row_starts_a_cooldown() -> None:
    failed = Penalty.ATTEMPT_FAILED
    faults = [penalized(1, failed, -1), penalized(2, failed, -2)]
    island.given(*enrolled(), *faults).when(penalize(failed, "j-3")).then(
        penalized(3, failed, -3),
        CooldownStarted(island_id=ISLAND, until_ms=at_ms(5) + 5 * MINUTE_MS, faults_in_row=3),
    )


def test_a_success_between_faults_ends_the_row() -> None:
    failed = Penalty.ATTEMPT_FAILED
    history: list[IslandEvent] = [penalized(1, failed, -1), penalized(2, failed, -2), credited(karma=-2)]
    island.given(*enrolled(), *history).when(penalize(failed, "j-3")).then(penalized(3, failed, -3, faults=1))


def test_karma_below_minus_ten_suspends_until_an_operator_looks() -> None:
    failed = Penalty.ATTEMPT_FAILED
    at_the_edge = credited(karma=SUSPENSION_KARMA + 1)
    (edge,) = island.given(*enrolled(), at_the_edge).when(penalize(failed, "j-1")).decided()
    island.given(*enrolled(), at_the_edge, edge).when(penalize(failed, "j-2")).then(
        penalized(2, failed, SUSPENSION_KARMA - 1),
        replace(suspended, suspended_at_ms=at_ms(5)),
    )


def test_an_island_is_suspended_once() -> None:
    low = credited(karma=SUSPENSION_KARMA - 1)
    (event,) = island.given(*enrolled(), low, suspended).when(penalize(job_id="j-1")).decided()
    assert isinstance(event, KarmaPenalized)


@pytest.mark.parametrize("command", [credit(1), penalize()], ids=["credit", "penalize"])
def test_an_island_that_nobody_enrolled_is_not_judged(command: IslandCommand) -> None:
    island.given().when(command).then_rejected(Rejection.ISLAND_UNKNOWN)


# Floods.


def flooded(flood_id: str = "flood-1", *, seconds: float = 5) -> PenalizeFlood:
    return PenalizeFlood(island_id=ISLAND, flood_id=flood_id, messages_per_s=5_000, now_ms=at_ms(seconds))


def test_a_flood_costs_twelve_points_and_counts_once() -> None:
    well_off = credited(karma=20)
    island.given(*enrolled(), well_off).when(flooded()).then(flood_penalized(karma=8))
    island.given(*enrolled(), well_off, flood_penalized(karma=8)).when(flooded()).then_nothing()
    later = flooded("f-2", seconds=65)
    (second,) = island.given(*enrolled(), well_off, flood_penalized(karma=8)).when(later).decided()
    assert isinstance(second, FloodPenalized)
    assert (second.karma, second.faults_in_row) == (-4, 2)


def test_what_comes_within_a_minute_is_the_same_flood_whoever_saw_it() -> None:
    past = [*enrolled(), credited(karma=20), flood_penalized(karma=8)]
    island.given(*past).when(flooded("seen-by-another", seconds=64.999)).then_nothing()


def test_a_flood_is_a_fault_like_any_other() -> None:
    failed = Penalty.ATTEMPT_FAILED
    faults: list[IslandEvent] = [credited(karma=20), penalized(1, failed, 19), penalized(2, failed, 18)]
    island.given(*enrolled(), *faults).when(flooded()).then(
        flood_penalized(karma=6, faults_in_row=3),
        CooldownStarted(island_id=ISLAND, until_ms=at_ms(5) + 5 * MINUTE_MS, faults_in_row=3),
    )


def test_a_newcomer_that_floods_is_suspended() -> None:
    island.given(*enrolled()).when(flooded()).then(
        flood_penalized(), replace(suspended, reason="karma fell to -12, below -10", suspended_at_ms=at_ms(5))
    )


def test_an_island_that_floods_while_suspended_is_revoked() -> None:
    past = [*enrolled(), flood_penalized(), suspended]
    island.given(*past).when(flooded("flood-2", seconds=65)).then(
        flood_penalized(flood_id="flood-2", karma=-24, faults_in_row=2, penalized_at_ms=at_ms(65)),
        revoked(seconds=65, reason="flooded while suspended, 5000 messages/s"),
    )


def test_an_island_that_floods_before_it_is_paired_is_removed() -> None:
    island.given(joined()).when(flooded()).then(removed(seconds=5, owner_id=None, reason="flood"))
    rejoined = [*enrolled(), revoked(), key_replaced()]
    island.given(*rejoined).when(flooded()).then(removed(seconds=5, reason="flood"))


def test_a_flood_of_an_island_that_is_out_already_changes_nothing() -> None:
    island.given(*enrolled(), removed()).when(flooded()).then_nothing()
    island.given(*enrolled(), revoked()).when(flooded()).then_nothing()
    island.given().when(flooded()).then_rejected(Rejection.ISLAND_UNKNOWN)


def test_an_island_is_judged_for_its_work_also_when_it_has_left() -> None:
    almost = credited(karma=PAYOUT_KARMA - 1, pending_minutes=59)
    (event, unlocked) = island.given(*enrolled(), almost, removed()).when(credit(1, "j-2")).decided()
    assert isinstance(event, WorkCredited)
    assert unlocked == PayoutsUnlocked(island_id=ISLAND, owner_id=OWNER, unlocked_at_ms=at_ms(5))
    (alone,) = island.given(*enrolled(), almost, removed(), joined()).when(credit(1, "j-2")).decided()
    assert isinstance(alone, WorkCredited)


def test_payouts_are_unlocked_for_every_owner_an_island_has() -> None:
    past = [*enrolled(), credited(karma=PAYOUT_KARMA), removed(), joined(), *paired(owner_id=CUSTOMER)]
    _, unlocked = island.given(*past).when(credit(1, "j-2")).decided()
    assert unlocked == PayoutsUnlocked(island_id=ISLAND, owner_id=CUSTOMER, unlocked_at_ms=at_ms(5))


# Laws.

jobs = st.sampled_from(["j-1", "j-2", "j-3", "j-4"])
attempts = st.integers(1, 3)
judgements: st.SearchStrategy[IslandCommand] = st.one_of(
    st.builds(credit, st.floats(0, 700), jobs, attempts),
    st.builds(penalize, st.sampled_from(Penalty), jobs, attempts),
)
bars: st.SearchStrategy[IslandCommand] = st.one_of(
    st.builds(flooded, st.sampled_from(["f-1", "f-2", "f-3"])),
    st.just(ReinstateIsland(island_id=ISLAND, now_ms=at_ms(10))),
)
scripts = st.lists(judgements | bars, min_size=8, max_size=30)


def judged_by(one: WorkCredited | CreditWork | KarmaPenalized | PenalizeKarma) -> tuple[str, int, str]:
    """A result that proves wrong is judged besides what its attempt earned or cost."""
    penalty = getattr(one, "penalty", None)
    return one.job_id, one.attempt, penalty if penalty in WRONG_RESULT else ""


@for_all(scripts)
def test_karma_moves_once_per_attempt_and_its_changes_add_up(script: list[IslandCommand]) -> None:
    past: list[IslandEvent] = [*enrolled()]
    for command in script:
        past += added(ISLAND_DECIDER, past, command)
    changes = [event for event in past if isinstance(event, WorkCredited | KarmaPenalized | FloodPenalized)]
    judged = [judged_by(event) for event in changes if not isinstance(event, FloodPenalized)]
    floods = [event.flood_id for event in changes if isinstance(event, FloodPenalized)]
    asked = [judged_by(one) for one in script if isinstance(one, CreditWork | PenalizeKarma)]
    assert len(judged) == len(set(judged))
    assert set(judged) == set(asked)
    assert len(floods) == len(set(floods))
    karma = 0
    for event in changes:
        if isinstance(event, WorkCredited):
            assert event.multiplier_permille == multiplier_permille(karma)
        karma += event.karma_delta
        assert event.karma == karma
    assert ISLAND_DECIDER.fold(past).standing.karma == karma


@for_all(scripts)
def test_every_judgement_decides_nothing_when_repeated_at_once(script: list[IslandCommand]) -> None:
    past: list[IslandEvent] = [*enrolled()]
    for command in script:
        past += added(ISLAND_DECIDER, past, command)
        assert added(ISLAND_DECIDER, past, command) == []
