"""The submission that a path names. Read from the log, so a decision is seen by the very next request."""

from typing import Annotated

from fastapi import Depends

from api.edge import EdgeState
from api.errors import not_found
from api.key_ring import Caller
from api.request_fields import UUID
from domain.submission import SUBMISSION, Submission


async def submission_id_in_path(submission_id: str) -> str:
    if not UUID.fullmatch(submission_id):
        raise not_found("such submission")
    return submission_id


PathSubmissionId = Annotated[str, Depends(submission_id_in_path)]


async def any_submission(edge: EdgeState, submission_id: str) -> Submission:
    """Anybody's, for staff; its texts sealed. Raises `ApiError` (not_found)."""
    submission = await edge.services.handler.state(SUBMISSION, submission_id)
    if submission is None:
        raise not_found("such submission")
    return submission


async def own_submission(edge: EdgeState, caller: Caller, submission_id: str) -> Submission:
    """Raises `ApiError` (not_found)."""
    submission = await any_submission(edge, submission_id)
    if submission.account_id != caller.account_id:
        raise not_found("such submission")
    return submission
