"""One network for one test: servers and registrar run, everything else the test starts itself."""

from collections.abc import AsyncIterator

import pytest

from adapters.embedded.data_directory import DataDirectory
from tests.faults.network import Network


@pytest.fixture
async def network(seeded_directory: DataDirectory) -> AsyncIterator[Network]:
    network = Network(seeded_directory)
    try:
        await network.start()
        yield network
    finally:
        await network.close()
