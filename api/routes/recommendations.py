"""What an island would do well to have at hand. Islands ask without a key; what they learn is no secret."""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters import clock
from adapters.recommendation import recommendation
from api.answers import answer
from api.authorization import Anyone
from api.edge import Edge, EdgeState
from api.request_fields import ISLAND
from api.schemas.island_standing import Recommendations
from domain.demand import Demand, recommended

HOST_ID_CHARACTERS_MAX: Final = 64

router = APIRouter(prefix="/island/recommendations", tags=["hosts"])

HostId = Annotated[str, Query(max_length=HOST_ID_CHARACTERS_MAX, description="What the island calls itself.")]


@router.get("", response_model=Recommendations)
async def list_recommendations(_: Anyone, edge: Edge, host_id: HostId = "") -> Response:
    """List at most 5 cargos that jobs wait for, and that this island could run and has not at hand."""
    found = await demands_for(edge, host_id) if ISLAND.fullmatch(host_id) else []
    public_url = edge.services.settings.public_url
    rows = [
        msgspec.to_builtins(
            recommendation(demand, f"{public_url}/api/v1/artifacts/{demand.cargo.artifact_digest}")
        )
        for demand in found
    ]
    return answer({"recommendations": rows, "data": rows})


async def demands_for(edge: EdgeState, host_id: str) -> list[Demand]:
    """None for an island that nobody knows."""
    row = await edge.services.demands.island(host_id)
    if row is None or row.is_removed:
        return []
    now_ms = clock.now_ms()
    demands = await edge.services.demands.demands(now_ms)
    return recommended(row.offer, demands, now_ms)
