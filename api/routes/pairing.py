"""Pairing: the owner of an account types in the code that an island shows."""

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from starlette.responses import Response

from adapters import clock
from adapters.postgres.pairing_codes import ALPHABET, CODE_CHARACTERS, TooManyTries
from api.answers import answer
from api.authorization import Anyone, Lender
from api.edge import PLACEMENT, Edge, EdgeState, origin_of
from api.errors import ApiError, ErrorCode
from api.island_allowance import check_room
from api.key_ring import Caller
from api.pairing_page import PATH, pairing_page
from api.request_fields import RequestId
from api.schemas.forms import with_data
from api.schemas.host import Pairing
from api.strict_json import StrictRoute
from domain.ids import IslandId
from domain.island import ISLAND
from domain.island_commands import PairIsland

TYPED_CHARACTERS_MAX: Final = 20

router = APIRouter(prefix="/pair", tags=["hosts"], route_class=StrictRoute)
page_router = APIRouter()


def as_shown(text: str) -> str:
    """The code as the island shows it: people type small letters, spaces and hyphens."""
    code = text.upper().replace(" ", "").replace("-", "")
    if len(code) != CODE_CHARACTERS or not set(code) <= set(ALPHABET):
        raise ValueError(f"{CODE_CHARACTERS} letters and digits, without I, O, 0 and 1")
    return code


class PairRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, StringConstraints(max_length=TYPED_CHARACTERS_MAX), AfterValidator(as_shown)]


@router.post("", response_model=with_data(Pairing))
async def pair_island(request: PairRequest, caller: Lender, edge: Edge, request_id: RequestId) -> Response:
    """Pair the island that shows this code with the account of this key."""
    await check_room(edge, caller.account_id)  # First, for a code works once.
    island_id = await take(edge, caller, request.code)
    command = PairIsland(
        island_id=island_id,
        owner_id=caller.account_id,
        now_ms=clock.now_ms(),
        needs_review=edge.services.settings.review_islands,
    )
    handled = await edge.services.handler.handle(
        ISLAND, island_id, command, origin=origin_of(caller, request_id)
    )
    await edge.settle(PLACEMENT, handled.position)
    shape = {"host_id": island_id, "name": handled.state.name, "status": "paired"}
    return answer({**shape, "data": shape}, position=handled.position)


async def take(edge: EdgeState, caller: Caller, code: str) -> IslandId:
    """Raises `ApiError` (pairing_code_unknown, rate_limited)."""
    try:
        island_id = await edge.services.pairing_codes.take(code, caller.account_id, now_ms=clock.now_ms())
    except TooManyTries as refused:
        raise ApiError(
            ErrorCode.RATE_LIMITED, str(refused), retry_after_s=-(-refused.retry_after_ms // 1000)
        ) from None
    if island_id is None:
        message = "code: no island shows it now; a code works once and for ten minutes"
        raise ApiError(ErrorCode.PAIRING_CODE_UNKNOWN, message)
    return island_id


@page_router.get(PATH, include_in_schema=False)
async def get_page(_: Anyone) -> Response:
    """The page to type the code in."""
    return pairing_page()
