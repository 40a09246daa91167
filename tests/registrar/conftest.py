"""A registrar at work on the session's server, and islands to tell stories of."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from nats.aio.client import Client

from adapters.nats.accounts.roles import Role
from adapters.nats.streams import create_streams
from registrar.main import Registrar
from tests.fabric import Fabric
from tests.registrar.stories import Story

NewStory = Callable[..., Story]


@pytest.fixture
async def log(nats_client: Client) -> Client:
    """Streams, and a connection that may write into them."""
    await create_streams(nats_client)
    return nats_client


@pytest.fixture
def new_story(log: Client, fabric: Fabric) -> NewStory:
    def make(**fields: str) -> Story:
        return Story(log, fabric.url, **fields)

    return make


@asynccontextmanager
async def registrar_on(fabric: Fabric, *, sample_s: float = 60.0) -> AsyncIterator[Registrar]:
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(fabric.connected(Role.REGISTRAR))
        core = await stack.enter_async_context(fabric.connected(Role.REGISTRAR_CORE))
        registrar = Registrar(system=system, core=core, keys=fabric.keys, sample_s=sample_s)
        running = asyncio.create_task(registrar.run())
        try:
            yield registrar
        finally:
            running.cancel()
            await asyncio.wait([running])


@pytest.fixture
async def registrar(log: Client, fabric: Fabric) -> AsyncIterator[Registrar]:
    async with registrar_on(fabric) as one:
        yield one


@pytest.fixture
async def api(fabric: Fabric) -> AsyncIterator[Client]:
    async with fabric.connected(Role.API) as client:
        yield client
