"""One network for all tests of a module."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.api.network import Network, running_network
from tests.fabric import Fabric


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(fabric: Fabric, postgres_dsn: str) -> AsyncIterator[Network]:
    async with running_network(fabric, postgres_dsn) as network:
        yield network
