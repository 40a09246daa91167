"""The caller's books: every entry, oldest first, resumable from a position."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import answer
from api.authorization import Reader
from api.edge import Edge
from api.request_fields import POSITION_MAX, Limit
from api.schemas.ledger import Entries
from api.shapes.ledger import entry_shape

router = APIRouter(prefix="/ledger", tags=["account"])


@router.get("/entries", response_model=Entries)
async def list_entries(
    caller: Reader,
    edge: Edge,
    since: Annotated[int, Query(ge=0, le=POSITION_MAX, description="Entries behind this position.")] = 0,
    limit: Limit = 100,
) -> Response:
    """List own entries behind a position; `position` of the answer resumes."""
    rows = await edge.services.reads.entries(caller.account_id, since, limit)
    shapes = [entry_shape(row) for row in rows]
    position = rows[-1].position if rows else since
    data = [shape["data"] for shape in shapes]
    return answer({"entries": shapes, "count": len(shapes), "position": position, "data": data})
