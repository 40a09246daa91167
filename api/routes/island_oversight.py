"""What the operator of a network may do to any island: suspend it, let it work again, revoke its key."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Admin
from api.edge import PLACEMENT, Edge, EdgeState, origin_of
from api.key_ring import Caller
from api.request_fields import PLAIN_TEXT, PathIslandId, RequestId
from api.schemas.forms import with_data
from api.schemas.host import BarredHost
from api.strict_json import StrictRoute
from domain.ids import IslandId
from domain.island import ISLAND
from domain.island_commands import ReinstateIsland, RevokeIsland, SuspendIsland

router = APIRouter(prefix="/hosts/{island_id}", tags=["hosts"], route_class=StrictRoute)


class BarRequest(BaseModel):
    """`reason` becomes part of the log; the owner may read it."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[
        str, StringConstraints(min_length=1, max_length=200, pattern=PLAIN_TEXT, strip_whitespace=True)
    ]


@router.post("/suspend", response_model=with_data(BarredHost))
async def suspend_island(
    island_id: PathIslandId, request: BarRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Suspend an island: its attempts end now and are placed elsewhere; it stays connected and gets no jobs."""
    command = SuspendIsland(island_id=island_id, reason=request.reason, now_ms=clock.now_ms())
    return await carry_out(edge, caller, island_id, command, request_id)


@router.post("/reinstate", response_model=with_data(BarredHost))
async def reinstate_island(
    island_id: PathIslandId, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """End a suspension."""
    command = ReinstateIsland(island_id=island_id, now_ms=clock.now_ms())
    return await carry_out(edge, caller, island_id, command, request_id)


@router.post("/revoke", response_model=with_data(BarredHost))
async def revoke_island(
    island_id: PathIslandId, request: BarRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Revoke an island's key for ever: it is cut off now, and its owner may pair it again under a new key only."""
    command = RevokeIsland(island_id=island_id, reason=request.reason, now_ms=clock.now_ms())
    return await carry_out(edge, caller, island_id, command, request_id)


async def carry_out(
    edge: EdgeState,
    caller: Caller,
    island_id: IslandId,
    command: SuspendIsland | ReinstateIsland | RevokeIsland,
    request_id: str,
) -> Response:
    """Raises `Rejected`."""
    handled = await edge.services.handler.handle(
        ISLAND, island_id, command, origin=origin_of(caller, request_id)
    )
    await edge.settle(PLACEMENT, handled.position)
    island = handled.state
    shape = {
        "host_id": island_id,
        "name": island.name,
        "membership": island.membership.value,
        "suspended": island.is_suspended,
    }
    return answer({**shape, "data": shape}, position=handled.position)
