"""The response that carries server-sent events, in whatever form. Used by every route that streams."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from nats.errors import Error as NatsError
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from adapters.nats.replies import Unanswered
from api.key_ring import Caller
from api.sockets import Sockets
from commands.event_log import LogUnavailable

HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventStream(StreamingResponse):
    """Server-sent events, counted among the key's streams for as long as they last.

    Where the fabric fails on the way the reader is told `last_word` and may resume.
    """

    def __init__(
        self, sockets: Sockets, caller: Caller, frames: AsyncGenerator[bytes], last_word: bytes
    ) -> None:
        told = told_to_the_end(frames, last_word)
        super().__init__(told, media_type="text/event-stream", headers=HEADERS)
        self._sockets = sockets
        self._caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._sockets.stream(self._caller.key_id):
            await super().__call__(scope, receive, send)


async def told_to_the_end(frames: AsyncGenerator[bytes], last_word: bytes) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(frames):
            async for frame in frames:
                yield frame
    except (LogUnavailable, Unanswered, NatsError, TimeoutError):
        yield last_word
