"""Sessions: opened by a link in a mail, listed, ended."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import Response

from adapters import clock
from api.answers import answer, list_answer
from api.authorization import Anyone, Reader, Writer
from api.edge import ACCOUNTS, Edge, EdgeState, origin_of
from api.errors import ApiError, ErrorCode, not_found
from api.key_ring import Caller
from api.request_fields import After, Name, RequestId
from api.routes.sign_in import count_sign_in
from api.schemas.account import NewSession, Session, SessionEnded
from api.schemas.forms import Message, page_of, with_data
from api.session_cookie import forget_session, require_own_page, set_session
from api.shapes.session import opened_shape, session_shape
from api.signing_in import EmailConfirmed, use_link
from api.strict_json import StrictRoute
from domain.session import SESSION, SESSION_LIFE_MS, EndSession

router = APIRouter(tags=["account"], route_class=StrictRoute)

PathSession = Annotated[
    str, Path(pattern=r"^[0-9A-Za-z]{1,20}$", description="The session's number, or its 12 characters.")
]


class SessionRequest(BaseModel):
    """`token` is the link's text, `sl_…`. With `cookie` the session is set as a cookie and its text not shown."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
    name: Name = "Session"
    cookie: bool = False


@router.post("/sessions", status_code=201, response_model=NewSession, responses={200: {"model": Message}})
async def open_session(
    body: SessionRequest, request: Request, _: Anyone, edge: Edge, request_id: RequestId
) -> Response:
    """Sign in with the text of a link. A link that only confirms an address is answered 200 and opens none."""
    count_sign_in(request, edge)
    if body.cookie:
        require_own_page(request, edge.services.settings)
    done = await use_link(edge, body.token, body.name, request_id)
    if isinstance(done, EmailConfirmed):
        return answer({"message": "this address is confirmed"}, position=done.position)
    shape = opened_shape(done.session)
    if not body.cookie:
        return answer({**shape, "token": done.text.text}, status=201, position=done.position)
    response = answer(shape, status=201, position=done.position)
    set_session(response, edge.services.settings, done.text.text, life_s=SESSION_LIFE_MS // 1000)
    return response


@router.get("/sessions", response_model=page_of("sessions", with_data(Session)))
async def list_sessions(caller: Reader, edge: Edge, after: After = None) -> Response:
    """List the open sessions, newest first, without their secrets."""
    await edge.catch_up(ACCOUNTS, after)
    found = await edge.services.sign_ins.sessions(caller.account_id, now_ms=clock.now_ms())
    rows = [session_shape(row, is_current=row.session_id == caller.key_id) for row in found]
    return list_answer("sessions", rows, total=len(rows), limit=len(rows), offset=0)


@router.delete("/sessions/{session}", response_model=SessionEnded)
async def end_session(session: PathSession, caller: Writer, edge: Edge, request_id: RequestId) -> Response:
    """End a session, at once and everywhere."""
    for row in await edge.services.sign_ins.sessions(caller.account_id, now_ms=clock.now_ms()):
        if session in {str(row.created_position), row.session_id}:
            position = await end(edge, caller, row.session_id, request_id)
            body = {"message": "the session is ended", "session_id": row.session_id}
            return answer(body, position=position)
    raise not_found(f"session {session}")


@router.post("/sign-out", response_model=Message)
async def sign_out(caller: Reader, edge: Edge, request_id: RequestId) -> Response:
    """End the session that asks. Whoever is banned may do it, too."""
    if not caller.is_session:
        raise ApiError(
            ErrorCode.CONFLICT, "an API key is not signed in: revoke it with DELETE /api-keys/{key}"
        )
    position = await end(edge, caller, caller.key_id, request_id)
    response = answer({"message": "signed out"}, position=position)
    forget_session(response, edge.services.settings)
    return response


async def end(edge: EdgeState, caller: Caller, session_id: str, request_id: str) -> int:
    command = EndSession(session_id=session_id, account_id=caller.account_id, now_ms=clock.now_ms())
    handled = await edge.services.handler.handle(
        SESSION, session_id, command, origin=origin_of(caller, request_id)
    )
    edge.keys.revoke(session_id)
    await edge.settle(ACCOUNTS, handled.position)
    return handled.position
