"""What waits too long is ended: leases, queues, executions, and credits held for no job."""

from collections.abc import Sequence
from typing import Any

import pytest

from commands.event_log import Commit
from commands.process import Order
from commands.processes.expiring import Expiring, Picture
from domain.account_events import HoldReleased, HoldSplit
from domain.check import CHECK
from domain.check_commands import CloseCheck
from domain.failure import Failure
from domain.job import ABANDON_AFTER_MS, JOB, LEASE_GRACE_MS, LEASE_MS, QUEUE_LIMIT_MS
from domain.job_commands import AbandonJob, ExpireLease, TimeOutJob
from domain.job_events import JobAbandoned, LeaseRenewed
from tests.check_examples import ordered, recorded, run, verdict
from tests.examples import (
    CUSTOMER,
    ISLAND,
    JOB_ID,
    OTHER_ISLAND,
    OTHER_JOB_ID,
    T0_MS,
    assigned,
    at_ms,
    attempt_failed,
    cancelled,
    failed,
    held,
    lost,
    origin,
    returned,
    started,
    submitted,
    succeeded,
)
from tests.scenario import added

QUEUE_S = QUEUE_LIMIT_MS / 1000
LEASE_S = (LEASE_MS + LEASE_GRACE_MS) / 1000
RENEWED = LeaseRenewed(job_id=JOB_ID, attempt=1, island_id=ISLAND, lease_ends_at_ms=at_ms(90))


def expiring(*events: Any) -> Expiring:
    planner = Expiring()
    for position, event in enumerate(events, start=1):
        planner.take(
            Commit(
                position=position,
                stream="job.any",
                events=(event,),
                recorded_at_ms=T0_MS,
                origin=origin(f"c{position}"),
            )
        )
    return planner


def asked(planner: Expiring, seconds: float) -> Sequence[Order]:
    return planner.plan(at_ms(seconds))


def order(command: Any) -> list[Order]:
    return [Order(decider=JOB, aggregate_id=JOB_ID, command=command)]


def time_out(seconds: float) -> list[Order]:
    return order(TimeOutJob(job_id=JOB_ID, now_ms=at_ms(seconds)))


def expire(attempt: int, seconds: float) -> list[Order]:
    return order(ExpireLease(job_id=JOB_ID, attempt=attempt, now_ms=at_ms(seconds)))


def test_a_job_waits_for_its_queue_limit() -> None:
    planner = expiring(submitted())
    assert asked(planner, QUEUE_S - 0.001) == []
    assert asked(planner, QUEUE_S) == time_out(QUEUE_S)


def test_a_queue_limit_of_the_job_s_own_is_kept() -> None:
    planner = expiring(submitted(queue_limit_ms=7_000))
    assert asked(planner, 6.999) == []
    assert asked(planner, 7) == time_out(7)


def test_an_assigned_job_is_bound_by_its_lease_and_not_by_the_queue() -> None:
    planner = expiring(submitted(queue_limit_ms=7_000), assigned())
    assert asked(planner, 1 + LEASE_S - 0.001) == []
    assert asked(planner, 1 + LEASE_S) == expire(1, 1 + LEASE_S)


@pytest.mark.parametrize("events", [[started(seconds=30)], [RENEWED]], ids=["started", "renewed"])
def test_a_start_and_a_renewal_move_the_lease(events: list[Any]) -> None:
    planner = expiring(submitted(), assigned(), *events)
    assert asked(planner, 30 + LEASE_S - 0.001) == []
    assert asked(planner, 30 + LEASE_S) == expire(1, 30 + LEASE_S)


def test_a_running_job_is_ended_at_its_deadline_even_with_a_lease() -> None:
    begun = started(seconds=2)
    ends_s = (begun.deadline_ms - T0_MS) / 1000
    long_lease = LeaseRenewed(
        job_id=JOB_ID, attempt=1, island_id=ISLAND, lease_ends_at_ms=begun.deadline_ms + 10_000
    )
    planner = expiring(submitted(), assigned(), begun, long_lease)
    assert asked(planner, ends_s - 0.001) == []
    assert asked(planner, ends_s) == time_out(ends_s)


@pytest.mark.parametrize(
    "end",
    [lost(seconds=70), attempt_failed(Failure.ENGINE_ERROR, seconds=70), returned(seconds=70)],
    ids=["lost", "failed", "returned"],
)
def test_after_an_attempt_the_queue_limit_counts_anew(end: Any) -> None:
    planner = expiring(submitted(), assigned(), started(), end)
    assert asked(planner, 70 + QUEUE_S - 0.001) == []
    assert asked(planner, 70 + QUEUE_S) == time_out(70 + QUEUE_S)


def test_the_next_attempt_has_a_lease_and_a_deadline_of_its_own() -> None:
    planner = expiring(submitted(), assigned(), started(), lost(seconds=70), assigned(OTHER_ISLAND, 2, 500))
    assert asked(planner, 500 + LEASE_S - 0.001) == []
    assert asked(planner, 500 + LEASE_S) == expire(2, 500 + LEASE_S)


@pytest.mark.parametrize(
    "end", [succeeded(), failed("crashed"), cancelled()], ids=["ok", "failed", "cancelled"]
)
def test_a_job_that_has_ended_is_forgotten(end: Any) -> None:
    planner = expiring(held(), submitted(), assigned(), started(), end, RENEWED)
    assert asked(planner, 10**6) == []
    assert planner.picture == Picture(position=6)


def test_a_hold_without_a_job_is_given_up_after_a_minute() -> None:
    planner = expiring(held())
    limit_s = ABANDON_AFTER_MS / 1000
    assert asked(planner, limit_s - 0.001) == []
    abandon = AbandonJob(job_id=JOB_ID, account_id=CUSTOMER, now_ms=at_ms(limit_s))
    assert asked(planner, limit_s) == order(abandon)


@pytest.mark.parametrize(
    "arrived",
    [submitted(), JobAbandoned(job_id=JOB_ID, account_id=CUSTOMER, abandoned_at_ms=at_ms(60))],
    ids=["submitted", "abandoned"],
)
def test_a_hold_whose_job_is_known_is_left_alone(arrived: Any) -> None:
    assert not expiring(held(), arrived).picture.held


def test_what_was_asked_is_asked_again_until_it_is_recorded() -> None:
    planner = expiring(submitted())
    (first,) = asked(planner, QUEUE_S)
    planner.failed(first)
    assert asked(planner, QUEUE_S + 1) == time_out(QUEUE_S + 1)


def test_what_does_not_concern_deadlines_is_passed_over() -> None:
    released = HoldReleased(account_id=CUSTOMER, job_id=JOB_ID, released_micro=1, released_at_ms=T0_MS)
    assert expiring(released, RENEWED, started(), lost()).picture == Picture(position=4)


@pytest.mark.parametrize(
    "story", [[], [assigned()], [assigned(), started()], [assigned(), started(), RENEWED]]
)
def test_the_job_agrees_with_every_deadline(story: list[Any]) -> None:
    """The planner's picture and the job's own state are two folds of one history: neither is early nor late."""
    history = [submitted(), *story]
    planner = expiring(*history)
    for seconds in (
        0,
        1,
        LEASE_S - 0.001,
        LEASE_S,
        1 + LEASE_S,
        30 + LEASE_S,
        90 + LEASE_S,
        122,
        QUEUE_S,
        10**6,
    ):
        orders = asked(planner, seconds)
        assert bool(orders) == any(added(JOB, history, one.command) for one in orders), seconds


def test_a_check_is_closed_when_its_last_answer_is_overdue_and_not_before() -> None:
    close = Order(decider=CHECK, aggregate_id=JOB_ID, command=CloseCheck(job_id=JOB_ID, now_ms=at_ms(700)))
    past = [recorded(run(), due_at_ms=at_ms(609)), ordered(due_at_ms=at_ms(700))]
    assert not asked(expiring(*past), 699)
    assert asked(expiring(*past), 700) == [close]
    assert not asked(expiring(*past, verdict()), 10_000)


def test_a_part_of_a_hold_whose_job_never_arrives_is_given_up_too() -> None:
    split = HoldSplit(
        account_id=CUSTOMER,
        job_id=JOB_ID,
        into_job_id=OTHER_JOB_ID,
        amount_micro=1,
        split_at_ms=T0_MS,
    )
    [order] = asked(expiring(split), ABANDON_AFTER_MS / 1000)
    assert order.command.job_id == OTHER_JOB_ID
