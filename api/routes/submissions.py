"""Submissions: a publisher asks to have a cargo on the marketplace, and follows what staff decide."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters import clock
from api.answers import answer, list_answer
from api.authorization import Reader, Writer
from api.edge import MARKETPLACE, Edge, EdgeState, origin_of
from api.errors import ApiError, ErrorCode
from api.key_ring import Caller
from api.request_fields import After, IdempotencyKey, Limit, Offset, RequestId
from api.schemas.forms import page_of, with_data
from api.schemas.marketplace import Submission as SubmissionForm
from api.schemas.marketplace import WithdrawnSubmission
from api.shapes.submission import submission_shape
from api.strict_json import StrictRoute
from api.submission_lookup import PathSubmissionId, own_submission
from api.submission_publishing import Decided, check_before_staff
from api.submission_request import SubmissionRequest
from commands.submission import id_from
from domain.ids import AccountId
from domain.submission import (
    SUBMISSION,
    DraftSubmission,
    HandInSubmission,
    ReviseSubmission,
    SubmissionCommand,
    SubmissionStatus,
    WithdrawSubmission,
)

PAGE_ROWS: Final = 50
OPEN_MAX: Final = 50  # Of one account: drafts, and what waits or was rejected.

router = APIRouter(prefix="/marketplace/submissions", tags=["marketplace"], route_class=StrictRoute)

Status = Annotated[SubmissionStatus | None, Query(description="Only those in this status.")]


@router.get("", response_model=page_of("submissions", with_data(SubmissionForm)))
async def list_submissions(
    *,
    caller: Reader,
    edge: Edge,
    status: Status = None,
    limit: Limit = PAGE_ROWS,
    offset: Offset = 0,
    after: After = None,
) -> Response:
    """List the account's submissions, newest first."""
    await edge.catch_up(MARKETPLACE, after)
    page = await edge.services.marketplace.submissions(caller.account_id, status, limit, offset)
    rows = [submission_shape(row.submission) for row in page.rows]
    return list_answer("submissions", rows, total=page.total, limit=limit, offset=offset)


@router.post("", status_code=201, response_model=with_data(SubmissionForm))
async def draft_submission(
    request: SubmissionRequest, caller: Writer, edge: Edge, request_id: RequestId, key: IdempotencyKey
) -> Response:
    """Draft a submission. Nobody else sees it before it is handed in; a module is uploaded as an artifact before."""
    submission_id = submission_id_for(caller.account_id, key) if key else clock.new_id()
    if await edge.services.handler.state(SUBMISSION, submission_id) is None:
        await check_room(edge, caller.account_id)
    command = DraftSubmission(
        submission_id=submission_id,
        account_id=caller.account_id,
        offer=request.submission.offer(caller.account_id),
        request_sha256=request.submission.sha256() if key else "",
        now_ms=clock.now_ms(),
    )
    handled = await carry_out(edge, caller, submission_id, command, request_id)
    return await decided_answer(edge, handled, status=201)


@router.get("/{submission_id}", response_model=with_data(SubmissionForm))
async def get_submission(submission_id: PathSubmissionId, caller: Reader, edge: Edge) -> Response:
    """Get one submission, with what staff decided and why."""
    submission = await own_submission(edge, caller, submission_id)
    [readable] = await edge.services.cipher.revealed([submission])
    return answer(submission_shape(readable))


@router.put("/{submission_id}", response_model=with_data(SubmissionForm))
async def revise_submission(
    submission_id: PathSubmissionId,
    request: SubmissionRequest,
    caller: Writer,
    edge: Edge,
    request_id: RequestId,
) -> Response:
    """Write a draft, or what was rejected, anew. What is left out has its default."""
    await own_submission(edge, caller, submission_id)
    command = ReviseSubmission(offer=request.submission.offer(caller.account_id), now_ms=clock.now_ms())
    handled = await carry_out(edge, caller, submission_id, command, request_id)
    return await decided_answer(edge, handled)


@router.delete("/{submission_id}", response_model=WithdrawnSubmission)
async def withdraw_submission(
    submission_id: PathSubmissionId, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Take back what is not published yet."""
    await own_submission(edge, caller, submission_id)
    command = WithdrawSubmission(now_ms=clock.now_ms())
    handled = await carry_out(edge, caller, submission_id, command, request_id)
    return await decided_answer(edge, handled, message="the submission is withdrawn")


@router.post("/{submission_id}/submit", response_model=with_data(SubmissionForm))
async def hand_in_submission(
    submission_id: PathSubmissionId, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Hand a draft in. A module is compiled first, as islands do; from now on it cannot be changed."""
    submission = await own_submission(edge, caller, submission_id)
    if submission.status is SubmissionStatus.DRAFT:
        await check_before_staff(edge, submission)
    handled = await carry_out(
        edge, caller, submission_id, HandInSubmission(now_ms=clock.now_ms()), request_id
    )
    return await decided_answer(edge, handled)


def submission_id_for(account_id: AccountId, idempotency_key: str) -> str:
    """The one submission that this key can ever make in this account."""
    return id_from("submission", account_id, idempotency_key)


async def check_room(edge: EdgeState, account_id: AccountId) -> None:
    """Raises `ApiError` (conflict)."""
    open_ones = await edge.services.marketplace.submissions_open(account_id, OPEN_MAX)
    if len(open_ones) >= OPEN_MAX:
        raise ApiError(ErrorCode.CONFLICT, f"at most {OPEN_MAX} open submissions; withdraw one first")


async def carry_out(
    edge: EdgeState, caller: Caller, submission_id: str, command: SubmissionCommand, request_id: str
) -> Decided:
    """Raises `Rejected`."""
    origin = origin_of(caller, request_id)
    handled = await edge.services.handler.handle(SUBMISSION, submission_id, command, origin=origin)
    await edge.settle(MARKETPLACE, handled.position)
    return handled


async def decided_answer(
    edge: EdgeState, handled: Decided, *, status: int = 200, message: str | None = None
) -> Response:
    assert handled.state is not None
    [readable] = await edge.services.cipher.revealed([handled.state])
    shape = submission_shape(readable)
    if message is not None:
        shape = {"message": message, **shape}
    return answer(shape, status=status, position=handled.position)
