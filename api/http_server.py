"""The HTTP server of the coordinator: how uvicorn is set, and what we do otherwise than it.

Used by `api.main`. It promises to stop within STOP_S, whatever clients do.
"""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import uvicorn
from fastapi import FastAPI

from api.task_end import end_tasks

STOP_S: Final = 5
BACKLOG: Final = 2048
LOOK_S: Final = 0.25
TICKS_OF_A_LOOK: Final = 100
"""How many of uvicorn's ticks, ten in a second, a closing connection has to take something."""


def http_server(app: FastAPI, encryption: ssl.SSLContext | None) -> "Server":
    """Not serving yet. `encryption` is what to serve HTTPS with; None for plain HTTP."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        ws_per_message_deflate=False,  # Frames are small and many: packing each costs more than it saves.
        backlog=BACKLOG,
        ssl_context_factory=None if encryption is None else lambda *_: encryption,
        timeout_graceful_shutdown=STOP_S,
    )
    return Server(config)


class Server(uvicorn.Server):
    """Leaves signals to us: uvicorn would raise them again when it has stopped, and the workers would die unstopped.

    A connection that was closed and takes nothing more is cut off.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._unsent: dict[asyncio.Transport, int] = {}

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, self.handle_exit, one, None)
        yield

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_OF_A_LOOK == 0:
            self._cut_off_the_deaf()
        return await super().on_tick(counter)

    def _cut_off_the_deaf(self) -> None:
        """Closed connections whose other side has taken nothing since the last look: they would stay for ever."""
        unsent = {
            connection.transport: connection.transport.get_write_buffer_size()
            for connection in self.server_state.connections
            if connection.transport.is_closing()
        }
        for transport, size in unsent.items():
            if size and self._unsent.get(transport) == size:
                transport.abort()
        self._unsent = unsent

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Over TLS a client is asked whether it has heard the goodbye; an idle one does not answer."""
        ending = asyncio.create_task(self._end_what_is_said())
        await super().shutdown(sockets)
        await end_tasks([ending])

    async def _end_what_is_said(self) -> None:
        """Cuts connections that have been closing, with nothing left to send, for LOOK_S; until it is cancelled."""
        before: set[asyncio.Transport] = set()
        while True:
            await asyncio.sleep(LOOK_S)
            open_ones = {connection.transport for connection in self.server_state.connections}
            silent = {one for one in open_ones if one.is_closing() and one.get_write_buffer_size() == 0}
            for transport in silent & before:
                transport.abort()
            before = silent
