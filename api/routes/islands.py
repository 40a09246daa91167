"""Enrolling an island: its owner vouches for it and gets what it needs to reach the fabric."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Lender
from api.edge import PLACEMENT, Edge, origin_of
from api.request_fields import Name, RequestId, Word
from api.strict_json import StrictRoute
from domain.ids import IslandId
from domain.island import ISLAND
from domain.island_commands import EnrolIsland

router = APIRouter(prefix="/islands", tags=["hosts"], route_class=StrictRoute)


class EnrolRequest(BaseModel):
    """`account_key` becomes the island's id. `platform` is checked here and told again when the island registers."""

    model_config = ConfigDict(extra="forbid")

    account_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
    name: Name
    platform: Word


@router.post("/enrol", status_code=201)
async def enrol_island(request: EnrolRequest, caller: Lender, edge: Edge, request_id: RequestId) -> Response:
    """Enrol an island for this account. Repeating it gives working credentials again."""
    island_id = IslandId(request.account_key)
    command = EnrolIsland(
        island_id=island_id,
        owner_id=caller.account_id,
        name=request.name,
        user_key=request.account_key,
        now_ms=clock.now_ms(),
    )
    handled = await edge.services.handler.handle(
        ISLAND, island_id, command, origin=origin_of(caller, request_id)
    )
    access = await edge.services.island_access.grant(island_id)
    await edge.settle(PLACEMENT, handled.position)
    row = await edge.services.reads.island(island_id)
    shape = {
        "host_id": island_id,
        "name": row.name if row else request.name,  # The first enrolment settled it.
        "nats_url": access.nats_url,
        "user": access.user,
        "password": access.password,
    }
    return answer({**shape, "data": shape}, status=201, position=handled.position)
