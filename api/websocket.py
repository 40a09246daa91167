"""The WebSocket `/api/v1/ws`: a caller proves who it is, subscribes to topics, and is told what changes.

A key never stands in the URL: it comes in the header or, from a web page, as a ticket in the first frame. Nothing
here grows with a slow reader, a revoked key is shut out at once, and whoever was cut off resumes by the last
position.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.authorization import key_in
from api.edge import Edge, EdgeState
from api.errors import ApiError
from api.key_ring import Caller
from api.outbox import Outbox
from api.server_frames import Pong, Ready, text_of
from api.socket_frames import (
    Authenticate,
    BadFrame,
    CloseCode,
    Frame,
    Ping,
    Subscribe,
    Unsubscribe,
    frame_of,
)
from api.subscriptions import Subscriptions
from api.task_end import end_tasks
from domain.api_key import Scope

AUTHENTICATE_S: Final = 5.0
RECHECK_S: Final = 60.0
CLOSE_S: Final = 5.0

router = APIRouter()


@router.websocket("/ws")
async def open_socket(websocket: WebSocket, edge: Edge) -> None:
    if not is_known_origin(websocket, edge):
        await websocket.close()  # Before it is accepted: the handshake is answered 403.
        return
    await websocket.accept()
    try:
        caller = await authenticated(websocket, edge)
        if caller is None:
            await websocket.close(CloseCode.UNAUTHENTICATED, "send a valid key or ticket")
        elif Scope.READ not in caller.scopes:
            await websocket.close(CloseCode.REVOKED, "the key needs the scope read")
        else:
            await serve(websocket, edge, caller)
    except BadFrame as error:
        await websocket.close(CloseCode.BAD_FRAME, str(error)[:100])
    except WebSocketDisconnect:
        pass


def is_known_origin(websocket: WebSocket, edge: EdgeState) -> bool:
    """Pages of this coordinator and of the configured origins; programs send no Origin."""
    origin = websocket.headers.get("origin")
    if origin is None or origin in edge.services.settings.cors_origins:
        return True
    return urlsplit(origin).netloc == websocket.headers.get("host")


async def authenticated(websocket: WebSocket, edge: EdgeState) -> Caller | None:
    header = websocket.headers.get("authorization")
    if header is not None:
        return await edge.keys.caller(key_in(header) or "")
    try:
        async with asyncio.timeout(AUTHENTICATE_S):
            frame = frame_of(await received(websocket))
    except TimeoutError:
        return None
    if not isinstance(frame, Authenticate):
        return None
    if frame.ticket:
        caller = edge.tickets.redeem(frame.ticket)
        return None if caller is None or not edge.keys.is_in_force(caller) else caller
    return await edge.keys.caller(frame.key)


async def received(websocket: WebSocket) -> str:
    """The next text frame. Raises `BadFrame` for a binary one and `WebSocketDisconnect` at the end."""
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code") or 1000)
    text = message.get("text")
    if text is None:
        raise BadFrame("text frames only")
    return str(text)


async def serve(websocket: WebSocket, edge: EdgeState, caller: Caller) -> None:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(edge.sockets.socket(caller.key_id))
        except ApiError as error:
            await websocket.close(CloseCode.TOO_MANY, error.message)
            return
        session = Session(websocket, edge, caller)
        stack.callback(edge.keys.on_revocation(caller.key_id, session.revoked))
        await session.run()


class Session:
    """One authenticated socket, until either side ends it."""

    def __init__(self, websocket: WebSocket, edge: EdgeState, caller: Caller) -> None:
        self._websocket = websocket
        self._edge = edge
        self._caller = caller
        self._close_code: asyncio.Future[CloseCode | None] = asyncio.get_running_loop().create_future()
        self._outbox = Outbox(websocket.send_text)
        self._subscriptions = Subscriptions(
            edge, caller, self._outbox, lambda: self._close(CloseCode.TOO_SLOW)
        )

    def revoked(self) -> None:
        self._close(CloseCode.REVOKED)

    def _close(self, code: CloseCode | None) -> None:
        if not self._close_code.done():
            self._close_code.set_result(code)

    async def run(self) -> None:
        await self._outbox.put(text_of(Ready(self._edge.changes.position)))
        tasks = [
            asyncio.create_task(self._until_disconnected(work))
            for work in (self._read(), self._outbox.run(), self._recheck())
        ]
        try:
            code = await self._close_code
        finally:
            await self._subscriptions.end()
            await end_tasks(tasks)
        if code is not None:
            # The other side may be gone by now, or take nothing, not even the close: then the server cuts it off.
            with contextlib.suppress(RuntimeError, TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._websocket.close(code, code.name.lower().replace("_", " "))

    async def _until_disconnected(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except BadFrame:
            self._close(CloseCode.BAD_FRAME)
        except (WebSocketDisconnect, RuntimeError):
            self._close(None)

    async def _read(self) -> None:
        while True:
            await self._take(frame_of(await received(self._websocket)))

    async def _take(self, frame: Frame) -> None:
        match frame:
            case Subscribe():
                await self._subscriptions.add(frame)
            case Unsubscribe():
                await self._subscriptions.remove(frame.id)
            case Ping():
                await self._outbox.put(text_of(Pong()))
            case Authenticate():
                raise BadFrame("authenticated already")

    async def _recheck(self) -> None:
        """A revocation is heard at once; this finds one that was missed, and a key whose time is over."""
        while True:
            await asyncio.sleep(RECHECK_S)
            if not await self._edge.keys.is_recorded(self._caller):
                self.revoked()
