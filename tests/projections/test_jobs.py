"""Where a job stands after any of its events, and what its attempts tell."""

from dataclasses import replace
from typing import Any

import pytest

from domain.failure import Failure, JobEnd, Loss, ReturnReason
from domain.job import LEASE_MS
from domain.job_events import Grade, JobAbandoned, LeaseRenewed, PlacementDeferred
from domain.job_state import Phase
from domain.placement import Refusal, RefusalCount
from projections.attempts import AttemptRow, Ending, attempt_after, attempt_key
from projections.jobs import JobRow, job_after
from tests import examples
from tests.projections.live import folded

SUBMITTED = examples.submitted()
ASSIGNED = examples.assigned()
STARTED = examples.started()
REFUSED = (RefusalCount(code=Refusal.OFFLINE, count=1, example=examples.ISLAND),)


def deferred() -> PlacementDeferred:
    return PlacementDeferred(
        job_id=examples.JOB_ID,
        account_id=examples.CUSTOMER,
        refusals=REFUSED,
        considered=1,
        deferred_at_ms=examples.at_ms(1),
    )


def job(*events: Any) -> JobRow:
    return folded(job_after, SUBMITTED, *events)


def attempt(*events: Any) -> AttemptRow:
    return folded(attempt_after, ASSIGNED, *events)


def test_a_submitted_job_knows_what_was_asked_and_when() -> None:
    assert job() == JobRow(
        job_id=examples.JOB_ID,
        account_id=examples.CUSTOMER,
        cargo_slug=examples.SLUG,
        cargo_version="1.0.0",
        artifact_digest=examples.CARGO.artifact_digest,
        runtime=examples.CARGO.runtime,
        input_json='{"text":"abc"}',
        bid_micro=examples.BID_MICRO,
        priority=0,
        region=None,
        state=Phase.SUBMITTED,
        submitted_at_ms=examples.T0_MS,
        created_position=1,
        position=1,
    )


def test_a_waiting_job_tells_why_until_it_is_assigned() -> None:
    assert job(deferred()).refusals == REFUSED
    assert job(deferred(), ASSIGNED).refusals == ()


def test_an_assigned_job_knows_its_island_and_its_price() -> None:
    row = job(ASSIGNED)
    assert (row.state, row.attempt, row.island_id) == (Phase.ASSIGNED, 1, examples.ISLAND)
    assert (row.price_micro, row.output_after, row.position) == (examples.PRICE_MICRO, 10, 2)


def test_a_running_job_knows_since_when() -> None:
    row = job(ASSIGNED, STARTED)
    assert (row.state, row.started_at_ms) == (Phase.RUNNING, examples.at_ms(2))


@pytest.mark.parametrize(
    "ending",
    [examples.lost(), examples.attempt_failed(Failure.ENGINE_ERROR), examples.returned()],
    ids=["lost", "failed", "returned"],
)
def test_a_job_whose_attempt_ended_waits_again(ending: Any) -> None:
    row = job(ASSIGNED, STARTED, ending)
    assert (row.state, row.island_id, row.price_micro) == (Phase.SUBMITTED, None, None)
    assert (row.attempt, row.position) == (1, 4)


def test_a_succeeded_job_has_output_usage_and_later_its_charge() -> None:
    row = job(ASSIGNED, STARTED, examples.succeeded())
    assert (row.state, row.output, row.usage) == (Phase.SUCCEEDED, examples.OUTPUT, examples.USAGE)
    assert (row.ended_at_ms, row.charged_micro) == (examples.at_ms(5), None)
    paid = job(ASSIGNED, STARTED, examples.succeeded(), examples.settled())
    assert paid == replace(row, charged_micro=4_000_000, units=1, position=5)


def test_a_failed_job_tells_its_code_and_where_it_failed() -> None:
    failed = examples.attempt_failed(Failure.OUT_OF_FUEL)
    row = job(ASSIGNED, STARTED, failed, examples.failed(Failure.OUT_OF_FUEL))
    assert (row.state, row.error_code, row.error_detail) == (Phase.FAILED, "out_of_fuel", "it broke")
    assert (row.island_id, row.ended_at_ms) == (examples.ISLAND, examples.at_ms(5))


def test_a_job_that_nobody_took_fails_without_an_island() -> None:
    row = job(deferred(), examples.failed(JobEnd.UNPLACEABLE, attempt=0, island_id=None))
    assert (row.state, row.error_code, row.island_id) == (Phase.FAILED, "unplaceable", None)


def test_a_cancelled_job_has_an_end() -> None:
    row = job(examples.cancelled())
    assert (row.state, row.ended_at_ms) == (Phase.CANCELLED, examples.at_ms(5))


def test_a_renewed_lease_does_not_touch_the_job() -> None:
    before = job(ASSIGNED, STARTED)
    assert job_after(before, renewed(), 9) is before


def test_what_happens_to_a_job_that_never_arrived_makes_no_row() -> None:
    abandoned = JobAbandoned(
        job_id=examples.JOB_ID, account_id=examples.CUSTOMER, abandoned_at_ms=examples.T0_MS
    )
    assert job_after(None, abandoned, 1) is None


def renewed() -> LeaseRenewed:
    return LeaseRenewed(
        job_id=examples.JOB_ID, attempt=1, island_id=examples.ISLAND, lease_ends_at_ms=examples.at_ms(90)
    )


def test_an_attempt_keeps_why_it_was_placed_there() -> None:
    row = attempt()
    assert (row.explanation, row.owner_id, row.ending) == (examples.PLACED, examples.OWNER, None)
    assert row.lease_ends_at_ms == examples.at_ms(1) + LEASE_MS


def test_an_attempt_knows_its_start_and_its_newest_lease() -> None:
    row = attempt(STARTED, renewed())
    assert (row.started_at_ms, row.lease_ends_at_ms) == (examples.at_ms(2), examples.at_ms(90))


@pytest.mark.parametrize(
    ("event", "ending", "code", "seconds"),
    [
        (examples.succeeded(), Ending.SUCCEEDED, None, 5),
        (examples.attempt_failed(Failure.CRASHED), Ending.FAILED, "crashed", 5),
        (examples.lost(loss=Loss.LEASE_LOST), Ending.LOST, "lease_lost", 66),
        (examples.returned(ReturnReason.BATTERY), Ending.RETURNED, "battery", 5),
        (examples.cancelled(attempt=1, island_id=examples.ISLAND), Ending.CANCELLED, None, 5),
    ],
)
def test_an_attempt_tells_how_it_ended(event: Any, ending: Ending, code: str | None, seconds: float) -> None:
    row = attempt(STARTED, event)
    assert (row.ending, row.code, row.ended_at_ms) == (ending, code, examples.at_ms(seconds))
    assert row.detail == ("it broke" if ending is Ending.FAILED else None)


@pytest.mark.parametrize("grade", list(Grade))
def test_a_successful_attempt_tells_whether_it_was_signed(grade: Grade) -> None:
    assert attempt(STARTED, replace(examples.succeeded(), grade=grade)).grade is grade
    assert attempt(STARTED, examples.lost()).grade is None


def test_a_job_cancelled_while_it_waited_ends_no_attempt() -> None:
    assert attempt_key(examples.cancelled()) is None
    assert attempt_key(ASSIGNED) == (examples.JOB_ID, 1)
