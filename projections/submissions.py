"""Submissions as their publishers and staff list them. A table of the `marketplace` read model."""

from dataclasses import dataclass
from typing import Final, get_args

from domain.ids import AccountId
from domain.submission import (
    SUBMISSION,
    EventAfterDraft,
    Submission,
    SubmissionDrafted,
    SubmissionEvent,
    SubmissionStatus,
)
from projections.keyed_fold import KeyedFold
from projections.table import Table

CONCERNS: Final = frozenset((SubmissionDrafted, *get_args(EventAfterDraft)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRow:
    """`submission` is the aggregate's own state; the other columns are what lists are found and ordered by."""

    submission_id: str
    account_id: AccountId
    status: SubmissionStatus
    handed_in_at_ms: int | None
    submission: Submission
    created_position: int
    position: int


def submission_after(
    row: SubmissionRow | None, event: SubmissionEvent, position: int
) -> SubmissionRow | None:
    submission = SUBMISSION.evolve(row.submission if row else None, event)
    if submission is None:
        return None
    return SubmissionRow(
        submission_id=submission.submission_id,
        account_id=submission.account_id,
        status=submission.status,
        handed_in_at_ms=submission.handed_in_at_ms,
        submission=submission,
        created_position=row.created_position if row else position,
        position=position,
    )


SUBMISSIONS: Final = KeyedFold(
    table=Table(SubmissionRow, "submissions", key=("submission_id",)),
    concerns=CONCERNS,
    key_of=lambda event: event.submission_id,
    row_after=submission_after,
)
