"""What the operator may do to reviews: see what was flagged, and remove it for good."""

from fastapi import APIRouter
from starlette.responses import Response

from adapters import clock
from api.answers import answer, list_answer
from api.authorization import Admin
from api.edge import MARKETPLACE, Edge
from api.request_fields import After, Limit, Offset, RequestId
from api.review_lookup import standing_review
from api.routes.marketplace import FlagRequest, carry_out
from api.schemas.forms import Message, page_of, with_data
from api.schemas.marketplace import FlaggedReview
from api.shapes.marketplace import flagged_shape
from api.strict_json import StrictRoute
from domain.review import RemoveReview

router = APIRouter(prefix="/admin/marketplace/reviews", tags=["marketplace"], route_class=StrictRoute)


class RemovalRequest(FlagRequest):
    """`reason` becomes part of the log."""


@router.get("", response_model=page_of("reviews", with_data(FlaggedReview)))
async def list_flagged(
    edge: Edge, _: Admin, limit: Limit = 50, offset: Offset = 0, after: After = None
) -> Response:
    """List the reviews that readers flagged, those with most flags first."""
    await edge.catch_up(MARKETPLACE, after)
    page = await edge.services.marketplace.flagged(limit, offset)
    rows = [flagged_shape(row) for row in page.rows]
    return list_answer("reviews", rows, total=page.total, limit=limit, offset=offset)


@router.post("/{review_id}/remove", response_model=Message)
async def remove_review(
    review_id: str, request: RemovalRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Remove a review. Its rating counts no more, and its author writes no other one of this cargo."""
    row = await standing_review(edge, review_id)
    command = RemoveReview(reason=request.reason, now_ms=clock.now_ms())
    handled = await carry_out(edge, caller, row, command, request_id)
    return answer({"message": "the review is removed"}, position=handled.position)
