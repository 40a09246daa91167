"""The rules of an island, as sentences; karma as a law of any history."""

from dataclasses import replace

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.ids import JobId
from domain.island import ISLAND as ISLAND_DECIDER
from domain.island_commands import (
    CreditWork,
    EnrolIsland,
    IslandCommand,
    MarkOffline,
    PenalizeKarma,
    RegisterIsland,
    ReinstateIsland,
)
from domain.island_events import (
    Absence,
    AsksChanged,
    CooldownStarted,
    DrainEnded,
    DrainStarted,
    IslandEvent,
    IslandReinstated,
    IslandSuspended,
    IslandWentOffline,
    KarmaPenalized,
    PayoutsUnlocked,
    WarmCargosChanged,
    WorkCredited,
)
from domain.karma import (
    MINUTE_MS,
    PAYOUT_KARMA,
    PENALTY_POINTS,
    SUSPENSION_KARMA,
    Penalty,
    multiplier_permille,
)
from domain.rejection import Rejection
from tests.examples import (
    CAPABILITIES,
    CUSTOMER,
    ISLAND,
    JOB_ID,
    OWNER,
    T0_MS,
    USER_KEY,
    at_ms,
    came_online,
    enrolled,
    heartbeat,
    ready_island,
    registered,
)
from tests.scenario import Scenario, added

island = Scenario(ISLAND_DECIDER)
enrol = EnrolIsland(island_id=ISLAND, owner_id=OWNER, name=ISLAND, user_key=USER_KEY, now_ms=T0_MS)
register = RegisterIsland(
    island_id=ISLAND,
    agent_version="0.1.0",
    protocol=2,
    capabilities=CAPABILITIES,
    asks_micro={},
    now_ms=T0_MS,
)
went_offline = IslandWentOffline(island_id=ISLAND, reason=Absence.GOODBYE, offline_at_ms=at_ms(10))
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


# Coming and going.


def test_an_enrolled_island_is_approved_at_once() -> None:
    island.given().when(enrol).then(*enrolled())
    island.given(*enrolled()).when(enrol).then_nothing()


def test_an_island_has_one_owner() -> None:
    island.given(*enrolled()).when(replace(enrol, owner_id=CUSTOMER)).then_rejected(Rejection.OWNER_DIFFERS)


@pytest.mark.parametrize(
    "command",
    [register, heartbeat(), MarkOffline(island_id=ISLAND, now_ms=T0_MS), credit(1), penalize()],
    ids=lambda command: type(command).__name__,
)
def test_an_island_that_nobody_enrolled_is_unknown(command: IslandCommand) -> None:
    island.given().when(command).then_rejected(Rejection.ISLAND_UNKNOWN)


def test_a_registration_is_recorded_when_it_says_something_new() -> None:
    island.given(*enrolled()).when(register).then(registered())
    island.given(*enrolled(), registered()).when(register).then_nothing()
    upgraded = replace(register, agent_version="0.2.0")
    island.given(*enrolled(), registered()).when(upgraded).then(replace(registered(), agent_version="0.2.0"))
    grown = replace(register, capabilities=replace(CAPABILITIES, ram_mb=800))
    island.given(*enrolled(), registered()).when(grown).then(registered(ram_mb=800))


def test_asks_change_by_registration_and_by_heartbeat() -> None:
    asks = {"_default": 7}
    changed = AsksChanged(island_id=ISLAND, asks_micro=asks, changed_at_ms=T0_MS)
    island.given(*enrolled(), registered()).when(replace(register, asks_micro=asks)).then(changed)
    island.given(*ready_island(), changed).when(heartbeat(asks_micro=asks)).then_nothing()
    island.given(*ready_island(), changed).when(heartbeat()).then(
        AsksChanged(island_id=ISLAND, asks_micro={}, changed_at_ms=at_ms(10))
    )


def test_the_first_heartbeat_brings_an_island_online_and_the_next_ones_say_nothing() -> None:
    island.given(*enrolled(), registered()).when(heartbeat()).then(came_online(seconds=10))
    island.given(*ready_island()).when(heartbeat(seconds=20)).then_nothing()


def test_a_goodbye_takes_an_island_offline_at_once() -> None:
    goodbye = heartbeat(is_leaving=True)
    island.given(*ready_island()).when(goodbye).then(went_offline)
    island.given(*ready_island(), went_offline).when(goodbye).then_nothing()
    island.given(*ready_island(), went_offline).when(heartbeat(seconds=20)).then(came_online(seconds=20))


def test_missed_heartbeats_take_an_island_offline_once() -> None:
    mark = MarkOffline(island_id=ISLAND, now_ms=at_ms(10))
    missed = replace(went_offline, reason=Absence.HEARTBEATS_MISSED)
    island.given(*ready_island()).when(mark).then(missed)
    island.given(*ready_island(), missed).when(mark).then_nothing()


def test_draining_starts_and_ends_once() -> None:
    draining = DrainStarted(island_id=ISLAND, drained_at_ms=at_ms(10))
    island.given(*ready_island()).when(heartbeat(is_draining=True)).then(draining)
    island.given(*ready_island(), draining).when(heartbeat(is_draining=True)).then_nothing()
    ended = DrainEnded(island_id=ISLAND, resumed_at_ms=at_ms(10))
    island.given(*ready_island(), draining).when(heartbeat()).then(ended)
    island.given(*ready_island(), draining, ended).when(heartbeat()).then_nothing()


def test_warm_cargos_are_recorded_when_they_change() -> None:
    warm = WarmCargosChanged(island_id=ISLAND, slugs=("wasm-hash",), changed_at_ms=at_ms(10))
    island.given(*ready_island()).when(heartbeat(warm_slugs=("wasm-hash",))).then(warm)
    island.given(*ready_island(), warm).when(heartbeat(warm_slugs=("wasm-hash",))).then_nothing()
    island.given(*ready_island(), warm).when(heartbeat()).then(replace(warm, slugs=()))


# Karma.


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


def test_an_island_is_suspended_once_and_reinstated_once() -> None:
    reinstate = ReinstateIsland(island_id=ISLAND, now_ms=at_ms(9))
    reinstated = IslandReinstated(island_id=ISLAND, reinstated_at_ms=at_ms(9))
    low = credited(karma=SUSPENSION_KARMA - 1)
    (event,) = island.given(*enrolled(), low, suspended).when(penalize(job_id="j-1")).decided()
    assert isinstance(event, KarmaPenalized)
    island.given(*enrolled(), suspended).when(reinstate).then(reinstated)
    island.given(*enrolled()).when(reinstate).then_nothing()
    island.given(*enrolled(), suspended, reinstated).when(reinstate).then_nothing()


# Laws.

jobs = st.sampled_from(["j-1", "j-2", "j-3", "j-4"])
attempts = st.integers(1, 3)
judgements: st.SearchStrategy[IslandCommand] = st.one_of(
    st.builds(credit, st.floats(0, 700), jobs, attempts),
    st.builds(penalize, st.sampled_from(Penalty), jobs, attempts),
)
visits: st.SearchStrategy[IslandCommand] = st.one_of(
    st.just(register),
    st.just(MarkOffline(island_id=ISLAND, now_ms=at_ms(10))),
    st.just(ReinstateIsland(island_id=ISLAND, now_ms=at_ms(10))),
    st.builds(
        lambda leaving, draining, asks: heartbeat(is_leaving=leaving, is_draining=draining, asks_micro=asks),
        st.booleans(),
        st.booleans(),
        st.sampled_from([{}, {"_default": 7}]),
    ),
)
scripts = st.lists(judgements | visits, min_size=8, max_size=30)


@for_all(scripts)
def test_karma_moves_once_per_attempt_and_its_changes_add_up(script: list[IslandCommand]) -> None:
    past: list[IslandEvent] = [*enrolled()]
    for command in script:
        past += added(ISLAND_DECIDER, past, command)
    changes = [event for event in past if isinstance(event, WorkCredited | KarmaPenalized)]
    judged = [(event.job_id, event.attempt) for event in changes]
    asked = [(c.job_id, c.attempt) for c in script if isinstance(c, CreditWork | PenalizeKarma)]
    assert len(judged) == len(set(judged))
    assert set(judged) == set(asked)
    karma = 0
    for event in changes:
        if isinstance(event, WorkCredited):
            assert event.multiplier_permille == multiplier_permille(karma)
        karma += event.karma_delta
        assert event.karma == karma
    assert ISLAND_DECIDER.fold(past).standing.karma == karma


@for_all(scripts)
def test_every_command_decides_nothing_when_repeated_at_once(script: list[IslandCommand]) -> None:
    past: list[IslandEvent] = [*enrolled()]
    for command in script:
        past += added(ISLAND_DECIDER, past, command)
        assert added(ISLAND_DECIDER, past, command) == []
