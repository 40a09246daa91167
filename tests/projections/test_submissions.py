"""Submissions on the read side: the aggregate's own state, and what lists are ordered by."""

from domain.submission import SubmissionStatus
from projections.submissions import submission_after
from tests.examples import at_ms
from tests.submission_examples import OTHER_OFFER, drafted, handed_in, rejected, revised


def test_a_row_follows_its_submission_and_keeps_its_place() -> None:
    row = submission_after(None, drafted(), 5)
    assert row is not None
    assert (row.status, row.handed_in_at_ms, row.created_position) == (SubmissionStatus.DRAFT, None, 5)
    row = submission_after(row, handed_in(), 7)
    assert row is not None
    assert (row.status, row.handed_in_at_ms) == (SubmissionStatus.PENDING, at_ms(2))
    row = submission_after(submission_after(row, rejected(), 8), revised(), 9)
    assert row is not None
    assert (row.status, row.submission.offer, row.created_position, row.position) == (
        SubmissionStatus.DRAFT,
        OTHER_OFFER,
        5,
        9,
    )


def test_what_was_never_drafted_has_no_row() -> None:
    assert submission_after(None, handed_in(), 5) is None
