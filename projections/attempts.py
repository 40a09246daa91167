"""Every attempt at running a job: where, why there, and how it ended. The second table of the `jobs` projection.

Read for `why` and for the timeline of a job.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Final, assert_never, get_args

from domain.ids import AccountId, IslandId, JobId
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    AttemptStarted,
    Grade,
    JobAssigned,
    JobCancelled,
    JobSucceeded,
    LeaseRenewed,
)
from domain.personal import PersonalOf
from domain.placement import Explanation
from projections.keyed_fold import KeyedFold
from projections.table import Table

EventAfterAssignment = (
    AttemptStarted
    | LeaseRenewed
    | AttemptFailed
    | AttemptLost
    | AttemptReturned
    | JobSucceeded
    | JobCancelled
)
EventOfAttempt = JobAssigned | EventAfterAssignment


class Ending(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"
    RETURNED = "returned"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """`ending` is empty while the attempt is live; `code` then says why: a failure, a loss or a reason to return.

    `grade` says of a success whether the island signed it.
    """

    job_id: JobId
    attempt: int
    island_id: IslandId
    owner_id: AccountId
    price_micro: int
    assigned_at_ms: int
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    lease_ends_at_ms: int
    ending: Ending | None = None
    grade: Grade | None = None
    code: str | None = None
    detail: Annotated[str | None, PersonalOf(None)] = None
    output_after: int
    explanation: Explanation
    position: int


def attempt_key(event: EventOfAttempt) -> tuple[JobId, int] | None:
    """The attempt an event speaks of; a job cancelled while it waited has none."""
    return None if event.island_id is None else (event.job_id, event.attempt)


def attempt_after(row: AttemptRow | None, event: EventOfAttempt, position: int) -> AttemptRow | None:
    if isinstance(event, JobAssigned):
        return new_attempt(event, position)
    return None if row is None else changed_attempt(row, event, position)


def new_attempt(event: JobAssigned, position: int) -> AttemptRow:
    return AttemptRow(
        job_id=event.job_id,
        attempt=event.attempt,
        island_id=event.island_id,
        owner_id=event.owner_id,
        price_micro=event.price_micro,
        assigned_at_ms=event.assigned_at_ms,
        lease_ends_at_ms=event.lease_ends_at_ms,
        output_after=event.output_after,
        explanation=event.explanation,
        position=position,
    )


def changed_attempt(row: AttemptRow, event: EventAfterAssignment, position: int) -> AttemptRow:
    match event:
        case AttemptStarted():
            return replace(
                row,
                started_at_ms=event.started_at_ms,
                lease_ends_at_ms=event.lease_ends_at_ms,
                position=position,
            )
        case LeaseRenewed():
            return replace(row, lease_ends_at_ms=event.lease_ends_at_ms, position=position)
        case AttemptFailed():
            failed = ended_attempt(row, Ending.FAILED, event.failed_at_ms, position)
            return replace(failed, code=event.code, detail=event.detail)
        case AttemptLost():
            return replace(ended_attempt(row, Ending.LOST, event.lost_at_ms, position), code=event.loss)
        case AttemptReturned():
            returned = ended_attempt(row, Ending.RETURNED, event.returned_at_ms, position)
            return replace(returned, code=event.reason)
        case JobSucceeded():
            succeeded = ended_attempt(row, Ending.SUCCEEDED, event.succeeded_at_ms, position)
            return replace(succeeded, grade=event.grade)
        case JobCancelled():
            return ended_attempt(row, Ending.CANCELLED, event.cancelled_at_ms, position)
        case _:
            assert_never(event)


def ended_attempt(row: AttemptRow, ending: Ending, at_ms: int, position: int) -> AttemptRow:
    return replace(row, ending=ending, ended_at_ms=at_ms, position=position)


ATTEMPTS: Final = KeyedFold(
    table=Table(AttemptRow, "attempts", key=("job_id", "attempt")),
    concerns=frozenset(get_args(EventOfAttempt)),
    key_of=attempt_key,
    row_after=attempt_after,
)
