"""What an operator of the network sees of all islands, and decides about each: approve, reject, suspend, verify.

The reasons stand in the log beside who gave them.
"""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import Response

from adapters import clock
from api.answers import answer, list_answer
from api.authorization import Admin
from api.edge import PLACEMENT, Edge, EdgeState, origin_of
from api.errors import not_found
from api.key_ring import Caller
from api.request_fields import PLAIN_TEXT, After, Limit, Offset, PathIslandId, RequestId
from api.schemas.forms import page_of
from api.schemas.host import OwnedHost
from api.shapes.host import STATUS_OF, admin_host_shape
from api.strict_json import StrictRoute
from domain.ids import IslandId
from domain.island import ISLAND
from domain.island_commands import (
    ApproveIsland,
    IslandCommand,
    ReinstateIsland,
    RejectIsland,
    SuspendIsland,
    VerifyCapabilities,
    WithdrawVerification,
)
from projections.placement import IslandRow, IslandStatus
from projections.read_model import Page

router = APIRouter(prefix="/admin/hosts", tags=["admin"], route_class=StrictRoute)

Sentence = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=PLAIN_TEXT, strip_whitespace=True)
]
Status = Literal["online", "offline", "suspended", "pending"]


class HostReasonRequest(BaseModel):
    """`reason` becomes part of the log; the owner may read it."""

    model_config = ConfigDict(extra="forbid")

    reason: Sentence


class NotesRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    notes: Sentence = "checked by an operator"


@router.get("", response_model=page_of("hosts", OwnedHost))
async def list_all_hosts(
    *,
    _: Admin,
    edge: Edge,
    status: Status | None = None,
    limit: Limit = 20,
    offset: Offset = 0,
    after: After = None,
) -> Response:
    """List every island of the network, newest first."""
    await edge.catch_up(PLACEMENT, after)
    statuses = None if status is None else [one for one, word in STATUS_OF.items() if word == status]
    page = await edge.services.oversight.islands(limit, offset, statuses=statuses)
    return page_answer(edge, page, limit, offset)


@router.get("/pending", response_model=page_of("hosts", OwnedHost))
async def list_pending_hosts(_: Admin, edge: Edge, limit: Limit = 20, offset: Offset = 0) -> Response:
    """List the islands that wait to be approved or rejected."""
    page = await edge.services.oversight.islands(limit, offset, statuses=[IslandStatus.PENDING])
    return page_answer(edge, page, limit, offset)


@router.get("/unverified", response_model=page_of("hosts", OwnedHost))
async def list_unverified_hosts(_: Admin, edge: Edge, limit: Limit = 20, offset: Offset = 0) -> Response:
    """List the islands whose capabilities no operator has verified."""
    page = await edge.services.oversight.islands(limit, offset, is_verified=False)
    return page_answer(edge, page, limit, offset)


@router.get("/{island_id}", response_model=OwnedHost)
async def get_any_host(island_id: PathIslandId, _: Admin, edge: Edge, after: After = None) -> Response:
    """Get any island of the network."""
    await edge.catch_up(PLACEMENT, after)
    return answer(shape_of(edge, await any_island(edge, island_id)))


@router.post("/{island_id}/approve", response_model=OwnedHost)
async def approve_host(island_id: PathIslandId, caller: Admin, edge: Edge, request_id: RequestId) -> Response:
    """Approve a new island: from now on it may be given jobs."""
    command = ApproveIsland(island_id=island_id, now_ms=clock.now_ms())
    return await decide(edge, caller, command, request_id)


@router.post("/{island_id}/reject", response_model=OwnedHost)
async def reject_host(
    island_id: PathIslandId, request: HostReasonRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Reject a new island. One that was approved is suspended instead."""
    command = RejectIsland(island_id=island_id, reason=request.reason, now_ms=clock.now_ms())
    return await decide(edge, caller, command, request_id)


@router.post("/{island_id}/suspend", response_model=OwnedHost)
async def suspend_host(
    island_id: PathIslandId, request: HostReasonRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Suspend an island: its attempts end now and are placed elsewhere; it gets no jobs."""
    command = SuspendIsland(island_id=island_id, reason=request.reason, now_ms=clock.now_ms())
    return await decide(edge, caller, command, request_id)


@router.post("/{island_id}/unsuspend", response_model=OwnedHost)
async def unsuspend_host(
    island_id: PathIslandId, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """End a suspension."""
    command = ReinstateIsland(island_id=island_id, now_ms=clock.now_ms())
    return await decide(edge, caller, command, request_id)


@router.post("/{island_id}/verify", response_model=OwnedHost)
async def verify_host(
    *,
    island_id: PathIslandId,
    request: NotesRequest | None = None,
    caller: Admin,
    edge: Edge,
    request_id: RequestId,
) -> Response:
    """Say that the machine is what it says it is."""
    notes = (request or NotesRequest()).notes
    command = VerifyCapabilities(island_id=island_id, notes=notes, now_ms=clock.now_ms())
    return await decide(edge, caller, command, request_id)


@router.post("/{island_id}/unverify", response_model=OwnedHost)
async def unverify_host(
    island_id: PathIslandId, request: HostReasonRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Take that word back."""
    command = WithdrawVerification(island_id=island_id, reason=request.reason, now_ms=clock.now_ms())
    return await decide(edge, caller, command, request_id)


async def decide(edge: EdgeState, caller: Caller, command: IslandCommand, request_id: str) -> Response:
    """Carries a decision out and shows the island as it stands behind it. Raises `Rejected`."""
    origin = origin_of(caller, request_id)
    handled = await edge.services.handler.handle(ISLAND, command.island_id, command, origin=origin)
    await edge.settle(PLACEMENT, handled.position)
    row = await any_island(edge, command.island_id)
    return answer(shape_of(edge, row), position=handled.position)


async def any_island(edge: EdgeState, island_id: IslandId) -> IslandRow:
    """Raises `ApiError` (not_found) where nobody has paired it, or not any more."""
    row = await edge.services.reads.island(island_id)
    if row is None or row.is_removed:
        raise not_found(f"host {island_id}")
    return row


def page_answer(edge: EdgeState, page: Page[IslandRow], limit: int, offset: int) -> Response:
    rows = [shape_of(edge, row) for row in page.rows]
    return list_answer("hosts", rows, total=page.total, limit=limit, offset=offset)


def shape_of(edge: EdgeState, row: IslandRow) -> dict[str, object]:
    return admin_host_shape(row, heard_at_ms=edge.services.heard(row.island_id))
