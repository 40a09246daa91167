"""The fleet as placing saw it, at any moment of the past. For operators."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import StringConstraints
from starlette.responses import Response

from api.answers import list_answer
from api.authorization import Admin
from api.edge import Edge
from api.moment import At, bounded, standing
from api.request_fields import Limit, Offset
from api.schemas.account import Standpoint
from api.schemas.forms import page_of, with_data
from api.schemas.island_standing import Offer
from api.shapes.as_of import offer_shape, standpoint_shape
from commands.as_of import offers_at
from domain.ids import IslandId

router = APIRouter(prefix="/audit/placement", tags=["audit"])

IslandText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]


@router.get("", response_model=page_of("hosts", with_data(Offer), as_of=Standpoint))
async def list_past_placement(
    _: Admin,
    edge: Edge,
    *,
    at: At,
    island: Annotated[IslandText | None, Query(description="Only this island.")] = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List every island as placing saw it then, by id. Folds the whole log, so it refuses a long one."""
    where = await standing(edge, at)
    with bounded():
        offers = await offers_at(edge.services.past, where.position)
    ids = sorted(offers) if island is None else [one for one in offers if one == IslandId(island)]
    rows = [offer_shape(offers[one]) for one in ids[offset : offset + limit]]
    about = {"as_of": standpoint_shape(where)}
    return list_answer("hosts", rows, total=len(ids), limit=limit, offset=offset, about=about)
