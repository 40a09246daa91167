"""The caller's own islands, under the name clients have for them."""

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import answer, list_answer
from api.authorization import Reader
from api.edge import PLACEMENT, Edge
from api.owned import owned_island
from api.request_fields import After, Limit, Offset, PathIslandId
from api.shapes.host import host_shape

router = APIRouter(prefix="/hosts", tags=["hosts"])


@router.get("")
async def list_hosts(
    caller: Reader, edge: Edge, limit: Limit = 20, offset: Offset = 0, after: After = None
) -> Response:
    """List own islands, newest first."""
    await edge.catch_up(PLACEMENT, after)
    page = await edge.services.reads.islands(caller.account_id, limit, offset)
    rows = [host_shape(row, heard_at_ms=edge.services.heard(row.island_id)) for row in page.rows]
    return list_answer("hosts", rows, total=page.total, limit=limit, offset=offset)


@router.get("/{island_id}")
async def get_host(island_id: PathIslandId, caller: Reader, edge: Edge, after: After = None) -> Response:
    """Get one own island."""
    await edge.catch_up(PLACEMENT, after)
    row = await owned_island(edge, caller, island_id)
    return answer(host_shape(row, heard_at_ms=edge.services.heard(island_id)))
