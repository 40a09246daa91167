"""Tickets with which a web page opens the WebSocket, so that its key never stands in a URL."""

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import answer
from api.authorization import Reader
from api.edge import Edge
from api.schemas.account import SocketTicket
from api.schemas.forms import with_data
from api.tickets import LIFE_S

router = APIRouter(prefix="/ws-tickets", tags=["live"])


@router.post("", status_code=201, response_model=with_data(SocketTicket))
async def issue_socket_ticket(caller: Reader, edge: Edge) -> Response:
    """Take a ticket: one use, within 30 seconds, with this key's rights."""
    shape = {"ticket": edge.tickets.issue(caller), "expires_in_seconds": LIFE_S}
    return answer({**shape, "data": shape}, status=201)
