"""The HTTP server stops in time and cuts off nobody who is still being answered, over TLS too."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response

from adapters.embedded.certificates import Certificates
from adapters.tls import client_context, server_context
from api import http_server as http_server_module
from api.http_server import STOP_S, http_server

REQUEST = b"GET /%b HTTP/1.1\r\nHost: localhost\r\n\r\n"
LARGE_BYTES = 32 * 1024 * 1024


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/small")
    async def small() -> Response:
        return Response(b"done")

    @app.get("/who")
    async def who(request: Request) -> Response:
        assert request.client is not None
        return Response(request.client.host)

    @app.get("/large")
    async def large() -> Response:
        return Response(bytes(LARGE_BYTES))

    return app


@pytest.fixture(params=["http", "https"])
def contexts(
    request: pytest.FixtureRequest, tmp_path: Path
) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """The server's and the client's."""
    if request.param == "http":
        return None, None
    certificates = Certificates(tmp_path / "tls")
    certificates.renewed((), datetime.now(UTC))
    return server_context(certificates.server), client_context(certificates.ca_file)


class Served:
    def __init__(
        self, server: uvicorn.Server, port: int, stopping: asyncio.Event, stopped: asyncio.Task[None]
    ) -> None:
        self._server = server
        self.port = port
        self.stopping = stopping
        self.stopped = stopped

    async def is_without_connections(self) -> None:
        while self._server.server_state.connections:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(context: ssl.SSLContext | None) -> AsyncIterator[Served]:
    """A server that stops when it is told to."""
    server = http_server(application(), context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(server.serve(sockets=[listener]))
        stopping = asyncio.Event()

        async def stop() -> None:
            await stopping.wait()
            server.should_exit = True
            await running

        stopped = asyncio.create_task(stop())
        try:
            yield Served(server, listener.getsockname()[1], stopping, stopped)
        finally:
            stopping.set()
            await stopped


@asynccontextmanager
async def asking(
    port: int, context: ssl.SSLContext | None, path: bytes, *, request: bytes = REQUEST
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.WriteTransport]]:
    name = "localhost" if context else None
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname=name, limit=1024
    )
    writer.write(request % path)
    try:
        yield reader, writer.transport
    finally:
        writer.transport.abort()


async def test_a_client_that_is_idle_holds_up_nothing(
    contexts: tuple[ssl.SSLContext | None, ssl.SSLContext | None],
) -> None:
    async with (
        serving(contexts[0]) as served,
        asking(served.port, contexts[1], b"small") as (reader, transport),
    ):
        assert await reader.readuntil(b"\r\n\r\ndone")
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        served.stopping.set()
        await asyncio.wait_for(served.stopped, STOP_S / 2)


async def test_an_answer_on_its_way_arrives_whole(
    contexts: tuple[ssl.SSLContext | None, ssl.SSLContext | None],
) -> None:
    async with serving(contexts[0]) as served, asking(served.port, contexts[1], b"large") as (reader, _):
        await reader.readuntil(b"\r\n\r\n")
        served.stopping.set()
        await asyncio.sleep(0.5)  # Longer than the server looks for connections to end.
        assert await reader.readexactly(LARGE_BYTES) == bytes(LARGE_BYTES)
        await served.stopped


async def test_a_closed_connection_that_takes_nothing_is_cut_off(
    contexts: tuple[ssl.SSLContext | None, ssl.SSLContext | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole answer waits in the server, which has closed the connection and would keep it for ever."""
    monkeypatch.setattr(http_server_module, "TICKS_OF_A_LOOK", 1)
    last = REQUEST.replace(b"Host", b"Connection: close\r\nHost")
    async with (
        serving(contexts[0]) as served,
        asking(served.port, contexts[1], b"large", request=last) as (reader, _),
    ):
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.wait_for(served.is_without_connections(), STOP_S)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(LARGE_BYTES)


async def test_a_proxy_on_this_machine_names_the_client_and_one_elsewhere_only_when_it_is_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named = REQUEST.replace(b"Host", b"X-Forwarded-For: 192.0.2.7\r\nHost")
    for trusted, seen in (("127.0.0.1", b"192.0.2.7"), ("192.0.2.1", b"127.0.0.1")):
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", trusted)
        async with serving(None) as served, asking(served.port, None, b"who", request=named) as (reader, _):
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(seen)) == seen
