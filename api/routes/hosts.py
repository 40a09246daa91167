"""The caller's own islands, under the name clients have for them: list, get, rename, drain, resume, remove."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from adapters import clock
from api.answers import answer, list_answer
from api.authorization import Lender, Reader
from api.edge import PLACEMENT, Edge, EdgeState, origin_of
from api.key_ring import Caller
from api.owned import check_owns_island, owned_island
from api.request_fields import After, Limit, Name, Offset, PathIslandId, RequestId
from api.schemas.forms import page_of, with_data
from api.schemas.host import Host, HostName, HostRemoved
from api.schemas.job_history import RejectedClaim
from api.shapes.host import host_shape
from api.shapes.rejected_claim import rejected_claim_shape
from api.strict_json import StrictRoute
from domain.island import ISLAND
from domain.island_commands import DrainIsland, RemoveIsland, RenameIsland, ResumeIsland

router = APIRouter(prefix="/hosts", tags=["hosts"], route_class=StrictRoute)


class RenameRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name


@router.get("", response_model=page_of("hosts", Host))
async def list_hosts(
    caller: Reader, edge: Edge, limit: Limit = 20, offset: Offset = 0, after: After = None
) -> Response:
    """List own islands, newest first."""
    await edge.catch_up(PLACEMENT, after)
    page = await edge.services.reads.islands(caller.account_id, limit, offset)
    rows = [host_shape(row, heard_at_ms=edge.services.heard(row.island_id)) for row in page.rows]
    return list_answer("hosts", rows, total=page.total, limit=limit, offset=offset)


@router.get("/{island_id}", response_model=Host)
async def get_host(island_id: PathIslandId, caller: Reader, edge: Edge, after: After = None) -> Response:
    """Get one own island."""
    await edge.catch_up(PLACEMENT, after)
    row = await owned_island(edge, caller, island_id)
    return answer(host_shape(row, heard_at_ms=edge.services.heard(island_id)))


@router.patch("/{island_id}", response_model=with_data(HostName))
async def rename_host(
    island_id: PathIslandId, request: RenameRequest, caller: Lender, edge: Edge, request_id: RequestId
) -> Response:
    """Rename one own island."""
    await check_owns_island(edge, caller, island_id)
    command = RenameIsland(
        island_id=island_id, owner_id=caller.account_id, name=request.name, now_ms=clock.now_ms()
    )
    handled = await edge.services.handler.handle(
        ISLAND, island_id, command, origin=origin_of(caller, request_id)
    )
    await edge.settle(PLACEMENT, handled.position)
    shape = {"host_id": island_id, "name": handled.state.name}
    return answer({**shape, "data": shape}, position=handled.position)


@router.post("/{island_id}/drain", response_model=Host)
async def drain_host(island_id: PathIslandId, caller: Lender, edge: Edge, request_id: RequestId) -> Response:
    """Stop giving jobs to one own island. What runs there goes on; the order stands until it is resumed."""
    await check_owns_island(edge, caller, island_id)
    command = DrainIsland(island_id=island_id, owner_id=caller.account_id, now_ms=clock.now_ms())
    return await order(edge, caller, command, request_id)


@router.post("/{island_id}/resume", response_model=Host)
async def resume_host(island_id: PathIslandId, caller: Lender, edge: Edge, request_id: RequestId) -> Response:
    """Give jobs to one own island again."""
    await check_owns_island(edge, caller, island_id)
    command = ResumeIsland(island_id=island_id, owner_id=caller.account_id, now_ms=clock.now_ms())
    return await order(edge, caller, command, request_id)


async def order(
    edge: EdgeState, caller: Caller, command: DrainIsland | ResumeIsland, request_id: str
) -> Response:
    """Carries an owner's order out and shows the island as it stands behind it."""
    origin = origin_of(caller, request_id)
    handled = await edge.services.handler.handle(ISLAND, command.island_id, command, origin=origin)
    await edge.settle(PLACEMENT, handled.position)
    row = await owned_island(edge, caller, command.island_id)
    shape = host_shape(row, heard_at_ms=edge.services.heard(command.island_id))
    return answer(shape, position=handled.position)


@router.delete("/{island_id}", response_model=HostRemoved)
async def remove_host(island_id: PathIslandId, caller: Lender, edge: Edge, request_id: RequestId) -> Response:
    """Remove one own island: it is cut off now, and its attempts are placed elsewhere. It may enrol again."""
    await check_owns_island(edge, caller, island_id)
    command = RemoveIsland(island_id=island_id, owner_id=caller.account_id, now_ms=clock.now_ms())
    handled = await edge.services.handler.handle(
        ISLAND, island_id, command, origin=origin_of(caller, request_id)
    )
    await edge.settle(PLACEMENT, handled.position)
    return answer({"message": "the island is removed", "host_id": island_id}, position=handled.position)


@router.get("/{island_id}/rejected-claims", response_model=page_of("rejected_claims", RejectedClaim))
async def list_rejected_claims(
    island_id: PathIslandId, caller: Reader, edge: Edge, limit: Limit = 100
) -> Response:
    """List what one own island said that did not count, newest first, each with its reason."""
    await check_owns_island(edge, caller, island_id)
    claims = await edge.services.rejected_claims.of_island(island_id, limit=limit)
    rows = [rejected_claim_shape(claim) for claim in claims]
    return list_answer("rejected_claims", rows, total=len(rows), limit=limit, offset=0)
