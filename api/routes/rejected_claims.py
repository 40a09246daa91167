"""Every claim of the network that did not count, for its operator. Owners see their own below `/hosts`."""

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import list_answer
from api.authorization import Admin
from api.edge import Edge
from api.request_fields import Limit
from api.schemas.forms import page_of
from api.schemas.job_history import RejectedClaim
from api.shapes.rejected_claim import rejected_claim_shape

router = APIRouter(prefix="/rejected-claims", tags=["hosts"])


@router.get("", response_model=page_of("rejected_claims", RejectedClaim))
async def list_all_rejected_claims(_: Admin, edge: Edge, limit: Limit = 100) -> Response:
    """List the newest rejected claims of all islands, and what the intake itself could not handle (`poison`)."""
    claims = await edge.services.rejected_claims.newest(limit=limit)
    rows = [rejected_claim_shape(claim) for claim in claims]
    return list_answer("rejected_claims", rows, total=len(rows), limit=limit, offset=0)
