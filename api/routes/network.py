"""Public numbers of the network, for any page to show."""

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import answer
from api.authorization import Anyone
from api.edge import Edge
from api.schemas.forms import with_data
from api.schemas.network import NetworkStats

router = APIRouter(prefix="/network", tags=["network"])


@router.get("/stats", response_model=with_data(NetworkStats))
async def get_stats(edge: Edge, _: Anyone) -> Response:
    """How many islands are online, where, and how many jobs were done."""
    row = await edge.services.reads.network()
    shape = {
        "online_islands": row.online_islands,
        "regions": row.regions,
        "jobs_completed": row.jobs_completed,
    }
    return answer({**shape, "data": shape}, headers={"Access-Control-Allow-Origin": "*"})
