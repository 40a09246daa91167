"""Who is compensated, and who is not."""

from dataclasses import replace
from typing import Any

import pytest

from commands.processes.compensating import Compensating
from domain.compensation import Cause
from domain.failure import Failure, Fault, JobEnd
from domain.ids import NETWORK_ACCOUNT
from domain.job import LOAD_ALLOWANCE_MS
from domain.treasury import GrantCompensation
from tests.examples import (
    BID_MICRO,
    CARGO,
    CUSTOMER,
    JOB_ID,
    OTHER_JOB_ID,
    T0_MS,
    assigned,
    at_ms,
    attempt_failed,
    cancelled,
    failed,
    lost,
    returned,
    submitted,
    succeeded,
)
from tests.histories import History
from tests.money_examples import GRANTED

LIMIT_MS = CARGO.limits.wall_s * 1000 + LOAD_ALLOWANCE_MS
EXHAUSTED = failed(JobEnd.ATTEMPTS_EXHAUSTED)
LATE = succeeded(seconds=2 * LIMIT_MS / 1000 + 1)


def planned(*events: Any) -> list[GrantCompensation]:
    """What is asked for after these events, each in a commit of its own."""
    planner, history = Compensating(), History()
    for event in events:
        planner.take(history.add(f"job.{JOB_ID}", event))
    return [order.command for order in planner.plan(at_ms(9))]


def test_a_job_that_islands_failed_is_compensated_with_the_addresses_of_what_they_did() -> None:
    [grant] = planned(submitted(), assigned(), lost(), assigned(attempt=2), lost(attempt=2), EXHAUSTED)
    assert (grant.job_id, grant.account_id, grant.cause) == (JOB_ID, CUSTOMER, Cause.LOST)
    assert (grant.amount_micro, grant.evidence) == (BID_MICRO // 10, ("3.0", "5.0"))


def test_a_late_result_after_a_loss_is_compensated_and_one_in_time_is_not() -> None:
    [grant] = planned(submitted(), assigned(), lost(), assigned(attempt=2), LATE)
    assert grant.cause is Cause.LATE
    in_time = succeeded(seconds=2 * LIMIT_MS / 1000)
    assert planned(submitted(), assigned(), lost(), assigned(attempt=2), in_time) == []


@pytest.mark.parametrize(
    "events",
    [
        (assigned(), LATE),
        (failed(JobEnd.UNPLACEABLE),),
        (assigned(), lost(), failed(JobEnd.UNPLACEABLE)),
        (assigned(), lost(), cancelled()),
        (assigned(), attempt_failed(Failure.CRASHED, fault=Fault.CARGO), failed(Failure.CRASHED)),
        (assigned(), returned(), EXHAUSTED),
    ],
    ids=["late by itself", "unplaceable", "unplaceable later", "cancelled", "cargo's fault", "returned"],
)
def test_what_islands_did_not_break_is_not_compensated(events: tuple[Any, ...]) -> None:
    assert planned(submitted(), *events) == []


def test_who_fails_a_job_on_an_island_of_their_own_gets_nothing() -> None:
    own = replace(assigned(), owner_id=CUSTOMER)
    assert planned(submitted(), own, lost(), EXHAUSTED) == []


@pytest.mark.parametrize("fields", [{"check_id": OTHER_JOB_ID}, {"account_id": NETWORK_ACCOUNT}])
def test_the_network_s_own_jobs_are_not_compensated(fields: dict[str, Any]) -> None:
    assert planned(submitted(**fields), assigned(), lost(), EXHAUSTED) == []


def test_a_grant_is_asked_for_until_it_is_recorded_or_refused() -> None:
    planner, history = Compensating(), History()
    for event in (submitted(), assigned(), lost(), EXHAUSTED):
        planner.take(history.add("job", event))
    [order] = planner.plan(T0_MS)
    assert len(planner.plan(T0_MS)) == 1
    planner.failed(order)
    assert planner.plan(T0_MS) == []


def test_a_recorded_grant_is_not_asked_for_again() -> None:
    assert planned(submitted(), assigned(), lost(), EXHAUSTED, GRANTED) == []
