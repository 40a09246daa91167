"""The market: rates, their history, the order book, suggested prices; and the prices that one wishes oneself.

Anybody may look; asking prices belong to the owner of an island, saved bids to an account.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Anyone, Lender, Reader, Writer
from api.edge import PLACEMENT, Edge, EdgeState, origin_of
from api.errors import invalid, not_found
from api.job_request import Price
from api.owned import check_owns_island
from api.request_fields import ISLAND, PathSlug, RequestId, slug_of
from api.schemas.forms import rows_of, with_data
from api.schemas.market import AskingPriceSet, KeptBid, OrderBook, RateAnswer, RateHistory, Rates, Suggestions
from api.shapes.amounts import decimal_text
from api.shapes.market import book_shape, market_row_shape, rate_shape, step_shape, suggestion_shape
from api.shapes.present import instant
from api.strict_json import StrictRoute
from domain.account import ACCOUNT
from domain.account_commands import SaveBid
from domain.cargo_spec import CargoSpec
from domain.exchange import SNAPSHOT_EVERY_MS
from domain.ids import CargoSlug, IslandId
from domain.island import ISLAND as ISLANDS
from domain.island_commands import SetAsk
from domain.placement import DEFAULT_ASK
from domain.suggested_price import suggested_ask_micro

HOUR_MS: Final = 3_600_000
HOURS_MAX: Final = 30 * 24
COMMAND_LINE_SDK: Final = "archipelagio-cli/"

router = APIRouter(prefix="/market", tags=["market"], route_class=StrictRoute)

UserAgent = Annotated[str, Header()]


class AskingPrice(BaseModel):
    """Credits for one unit of a cargo's price; `_default` is for all cargos that have no ask of their own."""

    model_config = ConfigDict(extra="forbid")

    host_id: str
    workload_slug: str
    asking_price: Price


class SavedBid(BaseModel):
    """Credits for one unit of a cargo's price; null forgets what was saved."""

    model_config = ConfigDict(extra="forbid")

    workload: str
    bid_price: Price | None


@router.get("/rates", response_model=Rates)
async def list_rates(edge: Edge, _: Anyone) -> Response:
    """The rates of all cargos that can be run, the newest cargo first."""
    rows = [market_row_shape(row) for row in await edge.market.cargos()]
    return answer({"data": rows, "beta_mode": False, "credit_peg_usd": "0.01"})


@router.get("/rates/{slug}", response_model=RateAnswer)
async def get_rate(slug: PathSlug, edge: Edge, _: Anyone, user_agent: UserAgent = "") -> Response:
    """The market of one cargo: what was cleared last, and what is asked and bid now."""
    cargo = await traded_cargo(edge, slug)
    shape = rate_shape(cargo, await edge.market.last_trade(slug), await edge.market.book(cargo))
    return answer({"data": [shape] if user_agent.startswith(COMMAND_LINE_SDK) else shape})


@router.get("/history/{slug}", response_model=RateHistory)
async def get_history(
    slug: PathSlug, edge: Edge, _: Anyone, hours: Annotated[int, Query(ge=1, le=HOURS_MAX)] = 24
) -> Response:
    """What was cleared, asked and bid in the last hours, in some hundred steps at most."""
    cargo = await traded_cargo(edge, slug)
    since_ms = clock.now_ms() - hours * HOUR_MS
    steps = await edge.services.reads.rate_history(slug, since_ms, step_ms(hours))
    rows = [step_shape(cargo, step) for step in steps]
    return answer({"workload_slug": slug, "since": instant(since_ms), "data": rows})


def step_ms(hours: int) -> int:
    """Every window for a day, an hour for a week, four hours for a month."""
    if hours <= 24:
        return SNAPSHOT_EVERY_MS
    return HOUR_MS if hours <= 7 * 24 else 4 * HOUR_MS


@router.get("/book/{slug}", response_model=with_data(OrderBook))
async def get_book(slug: PathSlug, edge: Edge, _: Anyone) -> Response:
    """The order book of one cargo: asks of islands that take jobs, bids of jobs that wait."""
    cargo = await traded_cargo(edge, slug)
    shape = book_shape(cargo, await edge.market.book(cargo))
    return answer({**shape, "data": shape})


@router.get("/suggestions", response_model=with_data(Suggestions))
async def get_suggestions(
    edge: Edge,
    _: Anyone,
    workload: Annotated[str, Query(max_length=64)],
    host_id: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """What a job had better bid now and, with `host_id`, what that island had better ask."""
    cargo = await traded_cargo(edge, slug_of(workload))
    found = await edge.market.suggestion(cargo)
    island = await edge.services.reads.island(IslandId(host_id)) if host_id else None
    ask_micro = (
        None
        if island is None
        else suggested_ask_micro(found.rate_micro, island.gpu_model, island.gpu_vram_mb)
    )
    shape = suggestion_shape(cargo, found, ask_micro)
    return answer({**shape, "data": shape})


@router.post("/asking-prices", response_model=AskingPriceSet)
async def set_asking_price(
    request: AskingPrice, caller: Lender, edge: Edge, request_id: RequestId
) -> Response:
    """Set what one own island asks for a cargo. It counts until the island itself tells another price."""
    is_default = request.workload_slug == DEFAULT_ASK
    slug = None if is_default else slug_of(request.workload_slug)
    if not is_default and (slug is None or await edge.services.reads.cargo(slug) is None):
        raise invalid("workload_slug", f"a cargo's slug, or {DEFAULT_ASK}")
    if not ISLAND.fullmatch(request.host_id):
        raise not_found("such host")
    island_id = IslandId(request.host_id)
    await check_owns_island(edge, caller, island_id)
    command = SetAsk(
        island_id=island_id,
        owner_id=caller.account_id,
        slug=request.workload_slug,
        ask_micro=request.asking_price,
        now_ms=clock.now_ms(),
    )
    handled = await edge.services.handler.handle(
        ISLANDS, island_id, command, origin=origin_of(caller, request_id)
    )
    await edge.settle(PLACEMENT, handled.position)
    shape = {
        "host_id": island_id,
        "workload_id": None if slug is None else await edge.cargo_numbers.of(slug),
        "workload_slug": request.workload_slug,
        "asking_price": decimal_text(request.asking_price),
        "active": handled.state.is_online,
    }
    return answer({"data": shape}, position=handled.position)


@router.get("/bids", response_model=rows_of("bids", KeptBid))
async def list_saved_bids(caller: Reader, edge: Edge) -> Response:
    """What this account bids where a job does not say."""
    account = await edge.services.handler.state(ACCOUNT, caller.account_id)
    rows = [saved_bid_shape(slug, micro) for slug, micro in sorted(account.saved_bids.items())]
    return answer({"bids": rows, "count": len(rows), "data": rows})


@router.post("/bids", response_model=with_data(KeptBid))
async def save_bid(request: SavedBid, caller: Writer, edge: Edge, request_id: RequestId) -> Response:
    """Save what this account bids for a cargo where a job does not say."""
    cargo = await traded_cargo(edge, slug_of(request.workload))
    command = SaveBid(
        account_id=caller.account_id, slug=cargo.slug, bid_micro=request.bid_price, now_ms=clock.now_ms()
    )
    handled = await edge.services.handler.handle(
        ACCOUNT, caller.account_id, command, origin=origin_of(caller, request_id)
    )
    shape = saved_bid_shape(cargo.slug, request.bid_price)
    return answer({**shape, "data": shape}, position=handled.position)


def saved_bid_shape(slug: CargoSlug, bid_micro: int | None) -> dict[str, str | None]:
    return {"workload": slug, "bid_price": None if bid_micro is None else decimal_text(bid_micro)}


async def traded_cargo(edge: EdgeState, slug: CargoSlug | None) -> CargoSpec:
    """Raises `ApiError` (not_found)."""
    row = await edge.services.reads.cargo(slug) if slug else None
    if row is None:
        raise not_found("such workload")
    return row.cargo.spec
