"""Why an island gets no jobs: what was decided in the last hours, seen with its eyes, from the log."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Reader
from api.edge import Edge, EdgeState
from api.log_window import COMMITS_READ_MAX, position_before, recorded_at
from api.owned import check_may_see_island
from api.request_fields import PathIslandId
from api.schemas.forms import with_data
from api.schemas.island_standing import Idleness as IdlenessForm
from api.shapes.idleness import idleness_shape
from commands.fleet import offer_after
from commands.idleness import Idleness, IdleWatch
from domain.ids import IslandId
from domain.island import ISLAND
from domain.placement import Offer

HOUR_MS: Final = 3_600_000
HOURS_MAX: Final = 168
LEAD_MS: Final = 75 * 60_000
"""Read before the hours asked for: a job that an island works on was submitted no earlier, by the limits of both."""

router = APIRouter(prefix="/hosts/{island_id}", tags=["hosts"])


@router.get("/why-idle", response_model=with_data(IdlenessForm))
async def get_why_idle(
    island_id: PathIslandId, caller: Reader, edge: Edge, hours: Annotated[int, Query(ge=1, le=HOURS_MAX)] = 6
) -> Response:
    """Why an island gets no jobs: how many it won, lost by score or was refused, by which rule, and what would help."""
    await check_may_see_island(edge, caller, island_id)
    return answer(idleness_shape(island_id, await idleness_of(edge, island_id, hours)))


async def idleness_of(edge: EdgeState, island_id: IslandId, hours: int) -> Idleness:
    """Of a past too long to read, the newest part."""
    log, now_ms = edge.services.log, clock.now_ms()
    since_ms = now_ms - hours * HOUR_MS
    end = await log.last_position()
    start = max(await position_before(log, since_ms - LEAD_MS), end - COMMITS_READ_MAX)
    if start == end - COMMITS_READ_MAX:
        since_ms = max(since_ms, await recorded_at(log, start + 1) or since_ms)
    watch = IdleWatch(island_id, await offer_at(edge, island_id, start), since_ms)
    async for commits in log.read(after=start, up_to=end):
        for commit in commits:
            watch.take(commit)
    return watch.told(max(now_ms, since_ms))


async def offer_at(edge: EdgeState, island_id: IslandId, position: int) -> Offer | None:
    """What the island itself had told by then."""
    offer: Offer | None = None
    for commit in await edge.services.log.history(ISLAND.stream(island_id)):
        if commit.position > position:
            break
        for event in commit.events:
            offer = offer_after(offer, event)
    return offer
