"""One network for one test, with an island that works."""

from collections.abc import AsyncIterator

import pytest

from adapters.embedded.data_directory import DataDirectory
from tests.recovery.network import Island, RecoveringNetwork


@pytest.fixture
async def network(data_directory: DataDirectory) -> AsyncIterator[RecoveringNetwork]:
    network = RecoveringNetwork(data_directory)
    try:
        await network.start()
        yield network
    finally:
        await network.close()


@pytest.fixture
async def island(network: RecoveringNetwork) -> Island:
    return await network.joins()
