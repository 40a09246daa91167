"""Credentials for an island that knows only user and password in the URL. Shown once, when they are made."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Lender
from api.edge import PLACEMENT, Edge, origin_of
from api.island_allowance import check_room
from api.island_password import IslandPassword
from api.request_fields import Name, RequestId
from api.schemas.host import HostTicket
from api.strict_json import StrictRoute
from domain.island import ISLAND
from domain.island_commands import EnrolPasswordIsland

router = APIRouter(prefix="/hosts/tickets", tags=["hosts"], route_class=StrictRoute)


class TicketRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name


@router.post("", status_code=201, response_model=HostTicket)
async def issue_host_ticket(
    request: TicketRequest, caller: Lender, edge: Edge, request_id: RequestId
) -> Response:
    """Enrol an island without keys for this account, and make its user and password.

    Its claims are not signed and count for less; an island of our own needs none of this.
    """
    await check_room(edge, caller.account_id)
    made = IslandPassword.new()
    command = EnrolPasswordIsland(
        island_id=made.island_id,
        owner_id=caller.account_id,
        name=request.name,
        local_id=made.local_id,
        password_sha256=made.sha256,
        now_ms=clock.now_ms(),
        needs_review=edge.services.settings.review_islands,
    )
    handled = await edge.services.handler.handle(
        ISLAND, made.island_id, command, origin=origin_of(caller, request_id)
    )
    await edge.services.registrar.documents(
        made.island_id, handled.position
    )  # From here on the door knows it.
    await edge.settle(PLACEMENT, handled.position)
    shape = {
        "host_id": made.local_id,
        "island_id": made.island_id,
        "name": request.name,
        "url": made.url(edge.services.settings.nats_url_of_islands),
        "user": made.local_id,
        "password": made.password,
    }
    body = {"message": "shown once: keep the password now", **shape, "data": shape}
    return answer(body, status=201, position=handled.position)
