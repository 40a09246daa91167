"""The operator's list of all cargos, disabled ones too, with a switch for each."""

from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from adapters import clock
from api.answers import answer, list_answer
from api.authorization import Admin
from api.edge import CARGOS, Edge, EdgeState, origin_of
from api.errors import ApiError, ErrorCode, not_found
from api.key_ring import Caller
from api.request_fields import After, Limit, Offset, RequestId, slug_of
from api.routes.cargo_oversight import Note
from api.schemas.forms import page_of, with_data
from api.schemas.marketplace import OverseenWorkload
from api.shapes.workload_oversight import admin_workload_shape
from api.strict_json import StrictRoute
from domain.cargo import CARGO
from domain.cargo_commands import DisableCargo, EnableCargo
from projections.cargos import CargoRow

PAGE_ROWS: Final = 50
NUMBER_DIGITS_MAX: Final = 18
DISABLED: Final = "disabled by an operator"

router = APIRouter(prefix="/admin/workloads", tags=["admin"], route_class=StrictRoute)

PathWorkload = Annotated[str, Path(description="The cargo's slug, or its public number.")]


class DisableRequest(BaseModel):
    """`reason` becomes part of the log and of every job that ends by it."""

    model_config = ConfigDict(extra="forbid")

    reason: Note = DISABLED


@router.get("", response_model=page_of("workloads", with_data(OverseenWorkload)))
async def list_all_workloads(
    _: Admin, edge: Edge, limit: Limit = PAGE_ROWS, offset: Offset = 0, after: After = None
) -> Response:
    """List all cargos, newest first."""
    await edge.catch_up(CARGOS, after)
    page = await edge.services.reads.cargos(limit, offset)
    rows = [admin_workload_shape(row) for row in page.rows]
    return list_answer("workloads", rows, total=page.total, limit=limit, offset=offset)


@router.get("/{workload}", response_model=with_data(OverseenWorkload))
async def get_any_workload(workload: PathWorkload, _: Admin, edge: Edge, after: After = None) -> Response:
    """Get one cargo."""
    await edge.catch_up(CARGOS, after)
    return answer(admin_workload_shape(await found(edge, workload)))


@router.post("/{workload}/enable", response_model=with_data(OverseenWorkload))
async def enable_workload(
    workload: PathWorkload, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Let a cargo take jobs again, whatever disabled it."""
    row = await found(edge, workload)
    return await carry_out(edge, caller, EnableCargo(slug=row.slug, now_ms=clock.now_ms()), request_id)


@router.post("/{workload}/disable", response_model=with_data(OverseenWorkload))
async def disable_workload(
    workload: PathWorkload,
    caller: Admin,
    edge: Edge,
    request_id: RequestId,
    request: DisableRequest | None = None,
) -> Response:
    """Switch a cargo off for everybody: no job is taken, waiting and running ones end, and nobody is charged."""
    row = await found(edge, workload)
    now_ms = clock.now_ms()
    reason = request.reason if request else DISABLED
    command = DisableCargo(slug=row.slug, reason=reason, now_ms=now_ms, is_killed=True)
    return await carry_out(edge, caller, command, request_id)


async def found(edge: EdgeState, workload: str) -> CargoRow:
    """By slug before by number, for a slug may be all digits. Raises `ApiError` (not_found)."""
    slug = slug_of(workload)
    row = await edge.services.reads.cargo(slug) if slug else None
    is_number = workload.isascii() and workload.isdigit() and len(workload) <= NUMBER_DIGITS_MAX
    if row is None and is_number:
        row = await edge.services.reads.cargo_of_number(int(workload))
    if row is None:
        raise not_found("such workload")
    return row


async def carry_out(
    edge: EdgeState, caller: Caller, command: EnableCargo | DisableCargo, request_id: str
) -> Response:
    """The cargo as it stands now, once the read side has seen it. Raises `ApiError` (not_caught_up)."""
    origin = origin_of(caller, request_id)
    handled = await edge.services.handler.handle(CARGO, command.slug, command, origin=origin)
    if not await edge.settle(CARGOS, handled.position):
        message = "it is recorded, but the read side is behind; ask again in a second"
        raise ApiError(ErrorCode.NOT_CAUGHT_UP, message)
    return answer(admin_workload_shape(await found(edge, command.slug)), position=handled.position)
