"""Case files: everything the network recorded of one job with proofs, to be verified without trusting it."""

from fastapi import APIRouter
from starlette.responses import Response

from api.authorization import JobReader
from api.case_making import case_of
from api.edge import JOBS, LEDGER, Edge
from api.errors import ApiError, ErrorCode, not_found
from api.request_fields import After, PathJobId
from api.schemas.media import ZIP, media
from api.shapes.job import ENDED
from domain.api_key import Scope

router = APIRouter(prefix="/jobs", tags=["proofs"])


@router.get("/{job_id}/case", response_model=None, response_class=Response, responses=media(ZIP))
async def get_case(job_id: PathJobId, caller: JobReader, edge: Edge, after: After = None) -> Response:
    """Get the case file of an ended job as a zip: own ones, for operators any. `verify.py` in it verifies it.

    The same bytes each time, unless something was recorded about the job since.
    """
    await edge.catch_up(JOBS, after)
    await edge.catch_up(LEDGER, after)
    is_operator = Scope.ADMIN in caller.scopes
    row = await edge.services.reads.job(job_id)
    if row is None or (row.account_id != caller.account_id and not is_operator):
        raise not_found(f"job {job_id}")
    if row.state not in ENDED:
        raise ApiError(
            ErrorCode.CONFLICT, f"job {job_id} is {row.state}; a case file is made when it has ended"
        )
    headers = {"Content-Disposition": f'attachment; filename="case-{job_id}.zip"'}
    content = await case_of(edge, row, is_whole=is_operator)
    return Response(content, media_type="application/zip", headers=headers)
