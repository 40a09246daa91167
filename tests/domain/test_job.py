"""The rules of a job, as sentences and as laws of any history."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.failure import CARGO_FAULT_ON_SECOND_ISLAND, FAULT_OF, Failure, Fault, JobEnd, Loss, ReturnReason
from domain.ids import IslandId
from domain.job import (
    ATTEMPTS_MAX,
    DETAIL_CHARACTERS_MAX,
    FAILED_ATTEMPTS_MAX,
    JOB,
    LEASE_GRACE_MS,
    LEASE_MS,
    LOAD_ALLOWANCE_MS,
    QUEUE_LIMIT_MS,
)
from domain.job_commands import AbandonJob, DeferPlacement, ExpireLease, JobCommand, TimeOutJob
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    Grade,
    JobAbandoned,
    JobAssigned,
    JobCancelled,
    JobEvent,
    JobFailed,
    JobSucceeded,
    LeaseRenewed,
    PlacementDeferred,
    Usage,
)
from domain.job_state import ENDED, Job
from domain.placement import Refusal
from domain.rejection import Rejection
from tests.examples import (
    BID_MICRO,
    CUSTOMER,
    ISLAND,
    JOB_ID,
    LIMITS,
    OTHER_ISLAND,
    OWNER,
    PRICE_MICRO,
    T0_MS,
    abandon_attempt,
    assign_job,
    assigned,
    at_ms,
    attempt_failed,
    cancel_job,
    cancelled,
    fail_attempt,
    failed,
    lost,
    refused,
    renew_lease,
    return_attempt,
    returned,
    start_attempt,
    started,
    submit_job,
    submitted,
    succeed_attempt,
    succeeded,
)
from tests.scenario import Scenario, added

job = Scenario(JOB)
THIRD_ISLAND = IslandId("island-3")
abandon = AbandonJob(job_id=JOB_ID, account_id=CUSTOMER, now_ms=at_ms(60))
abandoned = JobAbandoned(job_id=JOB_ID, account_id=CUSTOMER, abandoned_at_ms=at_ms(60))


def expire(attempt: int = 1, seconds: float = 66) -> ExpireLease:
    return ExpireLease(job_id=JOB_ID, attempt=attempt, now_ms=at_ms(seconds))


def time_out(seconds: float) -> TimeOutJob:
    return TimeOutJob(job_id=JOB_ID, now_ms=at_ms(seconds))


def defer(*codes: Refusal, seconds: float = 1) -> DeferPlacement:
    return DeferPlacement(job_id=JOB_ID, explanation=refused(*codes), now_ms=at_ms(seconds))


def deferred(*codes: Refusal, seconds: float = 1) -> PlacementDeferred:
    reasons = refused(*codes)
    return PlacementDeferred(
        job_id=JOB_ID,
        account_id=CUSTOMER,
        refusals=reasons.refusals,
        considered=reasons.considered,
        deferred_at_ms=at_ms(seconds),
        rules_version=reasons.rules_version,
        view_position=reasons.view_position,
        turn=reasons.turn,
    )


# Submitting.


def test_a_job_is_submitted_once() -> None:
    job.given().when(submit_job()).then(submitted())
    job.given(submitted()).when(submit_job(now_ms=at_ms(60))).then_nothing()


@pytest.mark.parametrize("other", [{"request_sha256": "d" * 64}, {"account_id": OWNER}])
def test_the_same_id_for_another_request_is_refused(other: dict[str, str]) -> None:
    job.given(submitted()).when(submit_job(**other)).then_rejected(Rejection.IDEMPOTENCY_MISMATCH)


def test_a_job_that_was_given_up_can_never_arrive() -> None:
    job.given().when(abandon).then(abandoned)
    job.given(abandoned).when(submit_job()).then_rejected(Rejection.JOB_FINISHED)


def test_a_job_that_arrived_is_not_given_up() -> None:
    job.given(submitted()).when(abandon).then_nothing()


@pytest.mark.parametrize("command", [assign_job(), start_attempt(), renew_lease(), expire(), cancel_job()])
def test_nothing_can_be_asked_of_a_job_that_was_never_submitted(command: JobCommand) -> None:
    job.given().when(command).then_rejected(Rejection.JOB_UNKNOWN)


# Assigning.


def test_a_waiting_job_is_assigned_with_a_lease() -> None:
    job.given(submitted()).when(assign_job()).then(assigned())
    assert assigned().lease_ends_at_ms == assigned().assigned_at_ms + 60_000


def test_the_same_assignment_twice_changes_nothing() -> None:
    job.given(submitted(), assigned()).when(assign_job(seconds=3)).then_nothing()


def test_a_job_on_an_island_is_not_given_to_another() -> None:
    second = assign_job(OTHER_ISLAND, attempt=2)
    job.given(submitted(), assigned()).when(second).then_rejected(Rejection.JOB_NOT_WAITING)


@pytest.mark.parametrize("attempt", [0, 1, 3])
def test_an_assignment_decided_on_an_old_picture_is_refused(attempt: int) -> None:
    late = assign_job(OTHER_ISLAND, attempt=attempt, seconds=70)
    job.given(submitted(), assigned(), lost()).when(late).then_rejected(Rejection.ATTEMPT_OUT_OF_ORDER)


def test_a_price_above_the_bid_is_refused() -> None:
    job.given(submitted()).when(assign_job(price_micro=BID_MICRO)).then(assigned(price_micro=BID_MICRO))
    dear = assign_job(price_micro=BID_MICRO + 1)
    job.given(submitted()).when(dear).then_rejected(Rejection.PRICE_ABOVE_BID)


def test_a_deferral_is_recorded_when_its_reasons_change() -> None:
    offline = deferred(Refusal.OFFLINE)
    job.given(submitted()).when(defer(Refusal.OFFLINE)).then(offline)
    job.given(submitted(), offline).when(defer(Refusal.OFFLINE, seconds=9)).then_nothing()
    job.given(submitted(), offline).when(defer(Refusal.RAM_SHORT, seconds=9)).then(
        deferred(Refusal.RAM_SHORT, seconds=9)
    )


def test_an_old_deferral_does_not_hide_a_newer_one() -> None:
    history = (submitted(), deferred(Refusal.OFFLINE), deferred(Refusal.RAM_SHORT, seconds=2))
    job.given(*history).when(defer(Refusal.OFFLINE)).then_nothing()
    back_in_queue = (submitted(), deferred(Refusal.OFFLINE), assigned(seconds=2), lost())
    job.given(*back_in_queue).when(defer(Refusal.OFFLINE)).then_nothing()


def test_a_job_that_does_not_wait_is_not_deferred() -> None:
    job.given(submitted(), assigned()).when(defer(Refusal.OFFLINE, seconds=9)).then_nothing()


# Leases.


def test_starting_gives_a_deadline_and_a_fresh_lease() -> None:
    job.given(submitted(), assigned()).when(start_attempt()).then(started())
    assert started().deadline_ms == at_ms(2) + LIMITS.wall_s * 1000 + LOAD_ALLOWANCE_MS
    job.given(submitted(), assigned(), started()).when(start_attempt(seconds=9)).then_nothing()


def test_starting_never_shortens_a_lease() -> None:
    renewed = LeaseRenewed(job_id=JOB_ID, attempt=1, island_id=ISLAND, lease_ends_at_ms=at_ms(90))
    job.given(submitted(), assigned(), renewed).when(start_attempt(seconds=2)).then(
        replace(started(), lease_ends_at_ms=at_ms(90))
    )


def test_a_renewal_lengthens_a_lease_by_a_minute_at_most() -> None:
    greedy = renew_lease(seconds=30, extend_ms=3_600_000)
    job.given(submitted(), assigned(), started()).when(greedy).then(
        LeaseRenewed(job_id=JOB_ID, attempt=1, island_id=ISLAND, lease_ends_at_ms=at_ms(30) + LEASE_MS)
    )


@pytest.mark.parametrize("extend_ms", [-60_000, 0, 1_000, 32_000])
def test_a_renewal_that_adds_nothing_is_not_recorded(extend_ms: int) -> None:
    job.given(submitted(), assigned(), started()).when(
        renew_lease(seconds=30, extend_ms=extend_ms)
    ).then_nothing()


def test_a_lease_is_lost_only_after_its_grace() -> None:
    ends_s = 1 + (LEASE_MS + LEASE_GRACE_MS) / 1000
    job.given(submitted(), assigned()).when(expire(seconds=ends_s - 0.001)).then_nothing()
    job.given(submitted(), assigned()).when(expire(seconds=ends_s)).then(lost(seconds=ends_s))


def test_an_attempt_that_had_started_loses_its_lease() -> None:
    job.given(submitted(), assigned(), started()).when(expire(seconds=67)).then(
        lost(seconds=67, loss=Loss.LEASE_LOST)
    )


def test_a_renewed_lease_outlives_its_first_timer() -> None:
    renewed = LeaseRenewed(job_id=JOB_ID, attempt=1, island_id=ISLAND, lease_ends_at_ms=at_ms(90))
    job.given(submitted(), assigned(), started(), renewed).when(expire(seconds=67)).then_nothing()


def test_an_old_timer_does_not_end_a_newer_attempt() -> None:
    history = (submitted(), assigned(), lost(), assigned(OTHER_ISLAND, 2, seconds=70))
    job.given(*history).when(expire(attempt=1, seconds=500)).then_nothing()


def test_a_result_is_as_sure_as_its_claim_was() -> None:
    signed = replace(succeed_attempt(), grade=Grade.SIGNED)
    job.given(submitted(), assigned()).when(signed).then(succeeded(grade=Grade.SIGNED))
    assert succeed_attempt().grade is Grade.UNSIGNED


def test_an_attempt_on_a_barred_island_is_lost_at_once() -> None:
    barred = lost(seconds=5, loss=Loss.ISLAND_BARRED)
    job.given(submitted(), assigned()).when(abandon_attempt()).then(barred)
    job.given(submitted(), assigned(), started()).when(abandon_attempt()).then(barred)
    job.given(submitted(), assigned(), barred).when(abandon_attempt()).then_nothing()


def test_the_bar_of_another_island_or_attempt_ends_nothing() -> None:
    second = (submitted(), assigned(), lost(), assigned(OTHER_ISLAND, 2, seconds=70))
    job.given(*second).when(abandon_attempt()).then_nothing()
    job.given(*second).when(abandon_attempt(OTHER_ISLAND, 1)).then_nothing()
    job.given(*second).when(abandon_attempt(ISLAND, 2)).then_nothing()
    job.given(submitted()).when(abandon_attempt()).then_nothing()
    job.given(submitted(), assigned(), succeeded()).when(abandon_attempt()).then_nothing()


def test_a_job_is_not_blamed_for_barred_islands() -> None:
    history: list[JobEvent] = [submitted()]
    for attempt in range(1, ATTEMPTS_MAX):
        history += [assigned(attempt=attempt), lost(attempt=attempt, loss=Loss.ISLAND_BARRED)]
    assert JOB.fold(history).failed_attempts == 0
    twice: list[JobEvent] = [
        submitted(),
        assigned(),
        lost(),
        assigned(attempt=2, seconds=70),
        lost(attempt=2, seconds=140),
    ]
    on_third = [*twice, assigned(attempt=3, seconds=150)]
    assert len(job.given(*on_third).when(abandon_attempt(attempt=3)).decided()) == 1
    history += [assigned(attempt=ATTEMPTS_MAX)]
    last, end = job.given(*history).when(abandon_attempt(attempt=ATTEMPTS_MAX)).decided()
    assert isinstance(last, AttemptLost)
    assert isinstance(end, JobFailed)
    assert end.code == JobEnd.ATTEMPTS_EXHAUSTED


# Fencing.

SUPERSEDED = (submitted(), assigned(), lost(), assigned(OTHER_ISLAND, 2, seconds=70))
SPOKEN: list[JobCommand] = [
    start_attempt(seconds=80),
    renew_lease(seconds=80),
    succeed_attempt(seconds=80),
    fail_attempt(Failure.CRASHED, seconds=80),
    return_attempt(seconds=80),
]
NAMES = [type(command).__name__ for command in SPOKEN]


@pytest.mark.parametrize("command", SPOKEN, ids=NAMES)
def test_whoever_lost_a_lease_is_not_heard_any_more(command: JobCommand) -> None:
    job.given(*SUPERSEDED).when(command).then_rejected(Rejection.ATTEMPT_SUPERSEDED)
    job.given(*SUPERSEDED[:3]).when(command).then_rejected(Rejection.ATTEMPT_SUPERSEDED)


@pytest.mark.parametrize("command", SPOKEN, ids=NAMES)
def test_an_island_cannot_speak_for_another(command: JobCommand) -> None:
    history = (submitted(), assigned(OTHER_ISLAND))
    job.given(*history).when(command).then_rejected(Rejection.ISLAND_NOT_OWNER)


@pytest.mark.parametrize("command", SPOKEN, ids=NAMES)
@pytest.mark.parametrize("end", [failed("crashed"), cancelled()], ids=["failed", "cancelled"])
def test_a_claim_after_the_end_is_refused(command: JobCommand, end: JobEvent) -> None:
    job.given(submitted(), assigned(), end).when(command).then_rejected(Rejection.JOB_FINISHED)


# Success.


def test_a_success_names_who_is_paid_and_what_was_worked() -> None:
    job.given(submitted(), assigned(), started()).when(succeed_attempt()).then(succeeded())
    assert (succeeded().owner_id, succeeded().price_micro, succeeded().worked_ms) == (
        OWNER,
        PRICE_MICRO,
        1_500,
    )


def test_a_success_that_is_told_again_changes_nothing() -> None:
    history = (submitted(), assigned(), started(), succeeded())
    job.given(*history).when(succeed_attempt(seconds=9)).then_nothing()


def test_another_island_cannot_repeat_a_success() -> None:
    history = (submitted(), assigned(), started(), succeeded())
    job.given(*history).when(succeed_attempt(OTHER_ISLAND)).then_rejected(Rejection.JOB_FINISHED)


@pytest.mark.parametrize(
    ("history", "seconds", "claimed_ms", "worked_ms"),
    [
        ((assigned(), started()), 5, 999_999_999, 3_000),  # No longer than since its start,
        ((assigned(),), 5, 999_999_999, 4_000),  # or since its assignment where the start was not heard,
        ((assigned(), started()), 900, 999_999_999, 60_000),  # nor longer than the cargo may run,
        ((assigned(), started()), 5, 0, 3_000),  # Who does not say is taken by our clock,
        ((assigned(), started()), 5, -7, 0),  # and never less than nothing.
        ((assigned(), started(seconds=9)), 5, 1_000, 0),
    ],
)
def test_worked_time_is_bounded_by_our_clock_and_the_limit(
    history: tuple[JobEvent, ...], seconds: float, claimed_ms: int, worked_ms: int
) -> None:
    claim = succeed_attempt(seconds=seconds, usage=Usage(wall_ms=claimed_ms))
    (event,) = job.given(submitted(), *history).when(claim).decided()
    assert isinstance(event, JobSucceeded)
    assert event.worked_ms == worked_ms


def test_a_renewal_before_the_start_does_not_shorten_the_worked_time() -> None:
    renewed = LeaseRenewed(job_id=JOB_ID, attempt=1, island_id=ISLAND, lease_ends_at_ms=at_ms(90))
    claim = succeed_attempt(seconds=31, usage=Usage(wall_ms=20_000))
    (event,) = job.given(submitted(), assigned(), renewed).when(claim).decided()
    assert isinstance(event, JobSucceeded)
    assert event.worked_ms == 20_000


# Failure.


@pytest.mark.parametrize("code", [c for c in Failure if FAULT_OF[c] is Fault.CARGO])
def test_the_fault_of_a_cargo_is_final(code: Failure) -> None:
    job.given(submitted(), assigned()).when(fail_attempt(code)).then(attempt_failed(code), failed(code))


@pytest.mark.parametrize("code", [c for c in Failure if FAULT_OF[c] is not Fault.CARGO])
def test_any_other_fault_is_tried_elsewhere(code: Failure) -> None:
    job.given(submitted(), assigned()).when(fail_attempt(code)).then(attempt_failed(code))
    history = (submitted(), assigned(), attempt_failed(code))
    job.given(*history).when(assign_job(OTHER_ISLAND, 2)).then(assigned(OTHER_ISLAND, 2))


@pytest.mark.parametrize("code", sorted(CARGO_FAULT_ON_SECOND_ISLAND))
def test_what_a_second_island_says_too_was_the_cargo(code: Failure) -> None:
    history = (submitted(), assigned(), attempt_failed(code), assigned(OTHER_ISLAND, 2))
    job.given(*history).when(fail_attempt(code, OTHER_ISLAND, 2)).then(
        attempt_failed(code, OTHER_ISLAND, 2, fault=Fault.CARGO),
        failed(code, attempt=2, island_id=OTHER_ISLAND),
    )


def test_the_same_island_twice_does_not_blame_the_cargo() -> None:
    code = Failure.ENGINE_ERROR
    history = (submitted(), assigned(), attempt_failed(code), assigned(attempt=2))
    job.given(*history).when(fail_attempt(code, attempt=2)).then(attempt_failed(code, attempt=2))


def test_two_islands_with_different_failures_do_not_blame_the_cargo() -> None:
    history = (submitted(), assigned(), attempt_failed(Failure.ENGINE_ERROR), assigned(OTHER_ISLAND, 2))
    job.given(*history).when(fail_attempt(Failure.DOWNLOAD_FAILED, OTHER_ISLAND, 2)).then(
        attempt_failed(Failure.DOWNLOAD_FAILED, OTHER_ISLAND, 2)
    )


def test_the_words_of_a_failure_are_kept_in_bounds() -> None:
    wordy = replace(fail_attempt(Failure.CRASHED), detail="x" * (DETAIL_CHARACTERS_MAX + 1))
    attempt, end = job.given(submitted(), assigned()).when(wordy).decided()
    assert isinstance(attempt, AttemptFailed)
    assert isinstance(end, JobFailed)
    assert len(attempt.detail) == len(end.detail) == DETAIL_CHARACTERS_MAX


def test_the_third_failed_or_lost_attempt_ends_the_job_in_the_same_commit() -> None:
    failure = Failure.OUTPUT_INCOMPLETE
    history = (
        submitted(),
        assigned(),
        attempt_failed(failure),
        assigned(OTHER_ISLAND, 2, seconds=10),
        lost(OTHER_ISLAND, 2, seconds=75),
        assigned(THIRD_ISLAND, 3, seconds=80),
    )
    attempt, end = job.given(*history).when(fail_attempt(failure, THIRD_ISLAND, 3, seconds=90)).decided()
    assert attempt == attempt_failed(failure, THIRD_ISLAND, 3, seconds=90)
    assert isinstance(end, JobFailed)
    assert (end.code, end.attempt, end.failed_at_ms) == (JobEnd.ATTEMPTS_EXHAUSTED, 3, at_ms(90))
    assert FAILED_ATTEMPTS_MAX == 3


def returned_times(number: int) -> list[JobEvent]:
    attempts = range(1, number + 1)
    return [event for n in attempts for event in (assigned(attempt=n), returned(attempt=n))]


def test_attempts_given_back_do_not_count_as_failed() -> None:
    history = [submitted(), *returned_times(ATTEMPTS_MAX - 2), assigned(attempt=ATTEMPTS_MAX - 1)]
    job.given(*history).when(return_attempt(attempt=ATTEMPTS_MAX - 1)).then(
        returned(attempt=ATTEMPTS_MAX - 1)
    )


def test_the_tenth_attempt_is_the_last_even_if_given_back() -> None:
    history = [submitted(), *returned_times(ATTEMPTS_MAX - 1), assigned(attempt=ATTEMPTS_MAX)]
    back, end = job.given(*history).when(return_attempt(attempt=ATTEMPTS_MAX)).decided()
    assert back == returned(attempt=ATTEMPTS_MAX)
    assert isinstance(end, JobFailed)
    assert end.code == JobEnd.ATTEMPTS_EXHAUSTED


def test_a_return_says_whether_work_had_begun() -> None:
    refusal = return_attempt(ReturnReason.POLICY)
    job.given(submitted(), assigned()).when(refusal).then(returned(ReturnReason.POLICY))
    job.given(submitted(), assigned(), started()).when(refusal).then(
        returned(ReturnReason.POLICY, was_started=True)
    )


# Deadlines.


def test_a_job_that_nobody_takes_fails_with_the_counted_reasons() -> None:
    history = (submitted(), deferred(Refusal.RAM_SHORT, Refusal.OFFLINE))
    limit_s = QUEUE_LIMIT_MS / 1000
    job.given(*history).when(time_out(limit_s - 0.001)).then_nothing()
    job.given(*history).when(time_out(limit_s)).then(
        failed(
            JobEnd.UNPLACEABLE,
            limit_s,
            detail="no island took the job in time: ram_short 1, offline 1",
            attempt=0,
            island_id=None,
        )
    )


def test_a_job_without_any_island_says_so() -> None:
    (end,) = job.given(submitted()).when(time_out(QUEUE_LIMIT_MS / 1000)).decided()
    assert isinstance(end, JobFailed)
    assert "no island has registered" in end.detail


def test_after_a_lost_attempt_a_job_waits_anew_for_as_long_as_at_first() -> None:
    history = (submitted(), assigned(), lost(seconds=500))
    limit_s = QUEUE_LIMIT_MS / 1000
    job.given(*history).when(time_out(limit_s)).then_nothing()
    job.given(*history).when(time_out(500 + limit_s - 0.001)).then_nothing()
    (end,) = job.given(*history).when(time_out(500 + limit_s)).decided()
    assert isinstance(end, JobFailed)


def test_a_job_that_runs_too_long_fails_by_the_fault_of_its_cargo() -> None:
    history = (submitted(), assigned(), started())
    ends_s = (started().deadline_ms - T0_MS) / 1000
    job.given(*history).when(time_out(ends_s - 0.001)).then_nothing()
    attempt, end = job.given(*history).when(time_out(ends_s)).decided()
    assert isinstance(attempt, AttemptFailed)
    assert isinstance(end, JobFailed)
    assert (attempt.code, attempt.fault, end.code) == (Failure.TIMED_OUT, Fault.CARGO, Failure.TIMED_OUT)


def test_a_job_that_has_not_started_is_left_to_its_lease() -> None:
    job.given(submitted(), assigned()).when(time_out(10_000)).then_nothing()


def test_the_deadline_of_an_earlier_attempt_does_not_end_a_later_one() -> None:
    history = (
        submitted(),
        assigned(),
        started(),
        lost(),
        assigned(OTHER_ISLAND, 2),
        started(OTHER_ISLAND, 2, 500),
    )
    job.given(*history).when(time_out(501)).then_nothing()


# Cancelling.


def test_a_waiting_job_is_cancelled_for_nothing() -> None:
    job.given(submitted()).when(cancel_job()).then(cancelled())


def test_cancelling_before_the_first_output_is_free() -> None:
    job.given(submitted(), assigned(), started()).when(cancel_job()).then(
        cancelled(attempt=1, island_id=ISLAND, owner_id=OWNER)
    )


def test_cancelling_after_the_first_output_costs_the_full_ask() -> None:
    job.given(submitted(), assigned(), started()).when(cancel_job(has_output=True)).then(
        cancelled(
            attempt=1,
            island_id=ISLAND,
            owner_id=OWNER,
            charge_micro=PRICE_MICRO,
            unit_price_micro=PRICE_MICRO,
        )
    )


def test_output_of_a_lost_attempt_is_not_charged() -> None:
    history = (submitted(), assigned(), started(), lost())
    job.given(*history).when(cancel_job(has_output=True)).then(cancelled(attempt=1))


def test_cancelling_twice_changes_nothing() -> None:
    job.given(submitted(), cancelled()).when(cancel_job(has_output=True, seconds=9)).then_nothing()


def test_a_stranger_cannot_tell_whether_a_job_exists() -> None:
    foreign = replace(cancel_job(), account_id=OWNER)
    job.given(submitted()).when(foreign).then_rejected(Rejection.JOB_UNKNOWN)


@pytest.mark.parametrize("end", [succeeded(), failed("crashed")], ids=["succeeded", "failed"])
def test_a_job_that_has_ended_cannot_be_cancelled(end: JobEvent) -> None:
    job.given(submitted(), assigned(), end).when(cancel_job()).then_rejected(Rejection.JOB_FINISHED)


# Laws.

Move = Callable[[Job], JobCommand]  # A command made for the state it meets.


def by_holder(build: Callable[[IslandId, int, int], JobCommand], seconds: int) -> Move:
    """What the island says that holds the live attempt."""
    return lambda job: build(job.island_id or ISLAND, job.attempt, seconds)


def next_attempt(island_id: IslandId, seconds: int) -> Move:
    return lambda job: assign_job(island_id, job.attempt + 1, seconds)


def failing(code: Failure) -> Callable[[IslandId, int, int], JobCommand]:
    return partial(fail_attempt, code)


def giving_back(reason: ReturnReason) -> Callable[[IslandId, int, int], JobCommand]:
    return partial(return_attempt, reason)


islands = st.sampled_from([ISLAND, OTHER_ISLAND, THIRD_ISLAND])
attempts = st.integers(1, 4)
seconds = st.integers(0, 1_500)
sayings: st.SearchStrategy[Callable[[IslandId, int, int], JobCommand]] = st.one_of(
    st.sampled_from([start_attempt, renew_lease, succeed_attempt]),
    st.sampled_from([Failure.ENGINE_ERROR, Failure.OUTPUT_INCOMPLETE, Failure.CRASHED]).map(failing),
    st.sampled_from(ReturnReason).map(giving_back),
)
strangers: st.SearchStrategy[JobCommand] = st.one_of(
    st.sampled_from([submit_job(), submit_job(request_sha256="d" * 64), abandon]),
    st.builds(assign_job, islands, attempts, seconds),
    st.builds(lambda say, *rest: say(*rest), sayings, islands, attempts, seconds),
    st.builds(expire, attempts, seconds),
    st.builds(abandon_attempt, islands, attempts, seconds),
    st.builds(cancel_job, has_output=st.booleans(), seconds=seconds),
)
waits: st.SearchStrategy[JobCommand] = st.one_of(
    st.builds(defer, st.sampled_from(Refusal), seconds=seconds), st.builds(time_out, seconds)
)
moves: st.SearchStrategy[Move] = st.one_of(
    st.builds(next_attempt, islands, seconds),
    st.builds(by_holder, sayings, seconds),
    st.builds(by_holder, st.just(abandon_attempt), seconds),
    seconds.map(lambda at: lambda job: expire(job.attempt, at)),
    (strangers | waits).map(lambda command: lambda _: command),
)
scripts = st.lists(moves, min_size=12, max_size=30).flatmap(
    lambda script: st.sampled_from([[lambda _: submit_job(), *script], script])
)


def played(script: list[Move]) -> tuple[list[JobEvent], list[JobCommand]]:
    """The events of a script, and the commands that decided them."""
    past: list[JobEvent] = []
    decided: list[JobCommand] = []
    for move in script:
        command = move(JOB.fold(past))
        if events := added(JOB, past, command):
            past += events
            decided.append(command)
            assert added(JOB, past, command) == []
    return past, decided


@for_all(scripts)
def test_what_was_decided_once_is_never_decided_again(script: list[Move]) -> None:
    """At once (see `played`) and after any history: what makes every retry of every caller harmless."""
    past, decided = played(script)
    for command in decided:
        assert added(JOB, past, command) == []


@for_all(scripts)
def test_attempts_count_up_by_one_and_a_job_ends_once(script: list[Move]) -> None:
    past, _ = played(script)
    numbers = [event.attempt for event in past if isinstance(event, JobAssigned)]
    assert numbers == list(range(1, len(numbers) + 1))
    ends = [isinstance(event, JobSucceeded | JobFailed | JobCancelled | JobAbandoned) for event in past]
    assert not any(ends[:-1])
    assert (JOB.fold(past).phase in ENDED) == any(ends)


@for_all(scripts)
def test_a_job_is_never_charged_more_than_its_bid_and_never_tried_too_often(script: list[Move]) -> None:
    past, _ = played(script)
    charges = [event.price_micro for event in past if isinstance(event, JobSucceeded)]
    charges += [event.charge_micro for event in past if isinstance(event, JobCancelled)]
    assert all(0 <= charge <= BID_MICRO for charge in charges)
    mishaps = [event for event in past if isinstance(event, AttemptFailed | AttemptLost)]
    counted = [one for one in mishaps if isinstance(one, AttemptFailed) or one.loss.is_counted]
    assert len(counted) <= FAILED_ATTEMPTS_MAX
    assert sum(isinstance(event, JobAssigned) for event in past) <= ATTEMPTS_MAX


@for_all(scripts)
def test_a_lease_never_gets_shorter_while_its_attempt_lives(script: list[Move]) -> None:
    past, _ = played(script)
    for number in range(1, len(past)):
        before, after = JOB.fold(past[:number]), JOB.fold(past[: number + 1])
        if before.is_live and after.attempt == before.attempt:
            assert after.lease_ends_at_ms >= before.lease_ends_at_ms
