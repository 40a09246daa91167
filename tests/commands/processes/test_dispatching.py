"""Assignments and ends in mid-run become messages to islands."""

from typing import Any

import pytest

from commands.process import SendAssignment, SendCancel
from commands.processes.dispatching import react
from domain.failure import Failure, Loss
from tests.examples import (
    ISLAND,
    JOB_ID,
    OTHER_ISLAND,
    OWNER,
    T0_MS,
    assigned,
    attempt_failed,
    cancelled,
    failed,
    lost,
    returned,
    started,
    submitted,
    succeeded,
)


def stop(reason: str, attempt: int = 1) -> list[SendCancel]:
    return [SendCancel(job_id=JOB_ID, attempt=attempt, island_id=ISLAND, reason=reason)]


def test_an_assignment_is_put_into_its_island_s_mailbox() -> None:
    event = assigned(OTHER_ISLAND, 2)
    assert react(event, T0_MS) == [
        SendAssignment(
            job_id=JOB_ID, attempt=2, island_id=OTHER_ISLAND, lease_ends_at_ms=event.lease_ends_at_ms
        )
    ]


def test_a_cancelled_attempt_is_stopped() -> None:
    event = cancelled(attempt=2, island_id=ISLAND, owner_id=OWNER)
    assert react(event, T0_MS) == stop("user", attempt=2)


def test_a_job_cancelled_in_the_queue_stops_nobody() -> None:
    assert react(cancelled(), T0_MS) == []


def test_an_island_that_lost_its_lease_is_told() -> None:
    assert react(lost(), T0_MS) == stop("lease_lost")


def test_an_island_that_was_barred_is_told_to_stop() -> None:
    assert react(lost(loss=Loss.ISLAND_BARRED), T0_MS) == stop("superseded")


def test_an_attempt_that_ran_too_long_is_stopped() -> None:
    assert react(attempt_failed(Failure.TIMED_OUT), T0_MS) == stop("deadline")


@pytest.mark.parametrize(
    "event",
    [submitted(), started(), succeeded(), returned(), failed("crashed"), attempt_failed(Failure.CRASHED)],
    ids=lambda event: type(event).__name__,
)
def test_what_the_island_said_itself_is_not_told_back(event: Any) -> None:
    assert react(event, T0_MS) == []
