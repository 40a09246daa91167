"""What staff decide on submissions: read what waits, record a scan, approve, reject, suspend."""

from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from adapters import clock
from api.answers import answer, list_answer
from api.authorization import Admin
from api.edge import CARGOS, MARKETPLACE, Edge, EdgeState
from api.request_fields import PLAIN_TEXT, After, Limit, Offset, RequestId
from api.routes.submissions import PAGE_ROWS, Status, carry_out
from api.schemas.forms import page_of, with_data
from api.schemas.marketplace import OwnedSubmission, RecordedScan, SubmissionDecision
from api.shapes.submission import admin_submission_shape, security
from api.strict_json import StrictRoute
from api.submission_lookup import PathSubmissionId, any_submission
from api.submission_publishing import Decided, approve, suspend
from domain.cargo import CARGO
from domain.submission import RecordSubmissionScan, RejectSubmission, Scan, ScanStatus

VULNERABILITIES_MAX: Final = 1_000_000

router = APIRouter(prefix="/admin/marketplace/submissions", tags=["marketplace"], route_class=StrictRoute)

Reason = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=PLAIN_TEXT, strip_whitespace=True)
]
ImageDigest = Annotated[str, StringConstraints(pattern=r"^(sha256:)?[0-9a-f]{64}$")]


class DecisionRequest(BaseModel):
    """`reason` becomes part of the log; the publisher reads it."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class SubmissionScanRequest(BaseModel):
    """What a scanner of yours said. A failed scan stands against approval until another one passes."""

    model_config = ConfigDict(extra="forbid")

    status: ScanStatus
    vulnerabilities: Annotated[int, Field(ge=0, le=VULNERABILITIES_MAX, strict=True)] = 0
    image_digest: ImageDigest | None = None


@router.get("", response_model=page_of("submissions", with_data(OwnedSubmission)))
async def list_all_submissions(
    *,
    _: Admin,
    edge: Edge,
    status: Status = None,
    limit: Limit = PAGE_ROWS,
    offset: Offset = 0,
    after: After = None,
) -> Response:
    """List everybody's submissions, newest first."""
    await edge.catch_up(MARKETPLACE, after)
    page = await edge.services.marketplace.submissions(None, status, limit, offset)
    rows = [admin_submission_shape(row.submission) for row in page.rows]
    return list_answer("submissions", rows, total=page.total, limit=limit, offset=offset)


@router.get("/pending", response_model=page_of("submissions", with_data(OwnedSubmission)))
async def list_pending_submissions(
    *, _: Admin, edge: Edge, limit: Limit = PAGE_ROWS, offset: Offset = 0, after: After = None
) -> Response:
    """List the submissions that wait for a decision, the longest waiting first."""
    await edge.catch_up(MARKETPLACE, after)
    page = await edge.services.marketplace.submissions_pending(limit, offset)
    rows = [admin_submission_shape(row.submission) for row in page.rows]
    return list_answer("submissions", rows, total=page.total, limit=limit, offset=offset)


@router.get("/{submission_id}", response_model=with_data(OwnedSubmission))
async def get_any_submission(submission_id: PathSubmissionId, _: Admin, edge: Edge) -> Response:
    """Get anybody's submission."""
    [readable] = await edge.services.cipher.revealed([await any_submission(edge, submission_id)])
    return answer(admin_submission_shape(readable))


@router.post("/{submission_id}/approve", response_model=with_data(SubmissionDecision))
async def approve_submission(
    submission_id: PathSubmissionId, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Publish the cargo, or let a suspended one run again. Repeated, it finishes what a crash left half done."""
    handled = await approve(edge, caller, await any_submission(edge, submission_id), request_id)
    await edge.settle(CARGOS, handled.position)
    return await decision(edge, handled, "the submission is approved and the cargo published")


@router.post("/{submission_id}/reject", response_model=with_data(SubmissionDecision))
async def reject_submission(
    submission_id: PathSubmissionId,
    request: DecisionRequest,
    caller: Admin,
    edge: Edge,
    request_id: RequestId,
) -> Response:
    """Say no, and why. The publisher may change it and hand it in again."""
    await any_submission(edge, submission_id)
    command = RejectSubmission(reason=request.reason, now_ms=clock.now_ms())
    handled = await carry_out(edge, caller, submission_id, command, request_id)
    return await decision(edge, handled, "the submission is rejected")


@router.post("/{submission_id}/suspend", response_model=with_data(SubmissionDecision))
async def suspend_submission(
    submission_id: PathSubmissionId,
    request: DecisionRequest,
    caller: Admin,
    edge: Edge,
    request_id: RequestId,
) -> Response:
    """Stop the cargo of an approved submission: waiting and running jobs end, and nobody is charged for them."""
    found = await any_submission(edge, submission_id)
    handled = await suspend(edge, caller, found, request.reason, request_id)
    await edge.settle(CARGOS, handled.position)
    return await decision(edge, handled, "the submission is suspended and its cargo stopped")


@router.post("/{submission_id}/scan", response_model=with_data(RecordedScan))
async def record_submission_scan(
    submission_id: PathSubmissionId,
    request: SubmissionScanRequest,
    caller: Admin,
    edge: Edge,
    request_id: RequestId,
) -> Response:
    """Record what a scanner said of the program. The network scans nothing itself."""
    await any_submission(edge, submission_id)
    scan = Scan(
        status=request.status,
        vulnerabilities=request.vulnerabilities,
        image_digest=request.image_digest or "",
        scanned_at_ms=clock.now_ms(),
    )
    handled = await carry_out(edge, caller, submission_id, RecordSubmissionScan(scan=scan), request_id)
    shape = {"message": "the scan is recorded", "security": security(scan)}
    return answer({**shape, "data": shape}, position=handled.position)


async def decision(edge: EdgeState, handled: Decided, message: str) -> Response:
    """`workload_enabled` is left out before the cargo is published."""
    submission = handled.state
    assert submission is not None
    await edge.settle(MARKETPLACE, handled.position)
    spec = submission.offer.cargo.spec
    cargo = await edge.services.handler.state(CARGO, spec.slug)
    shape: dict[str, Any] = {
        "message": message,
        "id": submission.submission_id,
        "status": submission.status,
        "slug": spec.slug,
    }
    if spec.version in cargo.versions:
        shape["workload_enabled"] = not cargo.is_disabled
    return answer({**shape, "data": shape}, position=handled.position)
