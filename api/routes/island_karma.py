"""Why an island's karma is what it is, now or at any moment of the past, from its own history in the log."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import answer, list_answer
from api.authorization import Reader
from api.edge import Edge, EdgeState
from api.moment import At, standing
from api.owned import check_may_see_island
from api.request_fields import Offset, PathIslandId
from api.schemas.forms import page_of
from api.schemas.island_standing import Karma
from api.schemas.island_standing import KarmaChange as KarmaChangeForm
from api.shapes.as_of import standpoint_shape
from api.shapes.karma import change_shape, karma_shape
from commands.karma_statement import KarmaStatement, Moment, karma_statement
from domain.ids import IslandId
from domain.island import ISLAND

router = APIRouter(prefix="/hosts/{island_id}/karma", tags=["hosts"])


@router.get("", response_model=Karma)
async def get_karma(island_id: PathIslandId, caller: Reader, edge: Edge, at: At) -> Response:
    """What an island's karma is made of: terms that add up to it, now or as of a moment of the past."""
    await check_may_see_island(edge, caller, island_id)
    where = await standing(edge, at)
    shape = karma_shape(island_id, await stated(edge, island_id, Moment(position=where.position)))
    return answer(shape | {"as_of": standpoint_shape(where)})


@router.get("/history", response_model=page_of("events", KarmaChangeForm, host_id=str))
async def list_karma_changes(
    island_id: PathIslandId,
    caller: Reader,
    edge: Edge,
    *,
    at: At,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    offset: Offset = 0,
) -> Response:
    """List every change of an island's karma, newest first, each with the address of its event and its cause."""
    await check_may_see_island(edge, caller, island_id)
    changes = (await stated(edge, island_id, at)).changes
    page = changes[::-1][offset : offset + limit]
    rows = [change_shape(change) for change in page]
    about = {"host_id": island_id}
    return list_answer("events", rows, total=len(changes), limit=limit, offset=offset, about=about)


async def stated(edge: EdgeState, island_id: IslandId, moment: Moment) -> KarmaStatement:
    return karma_statement(await edge.services.log.history(ISLAND.stream(island_id)), moment)
