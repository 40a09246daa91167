"""One network for each layout of acknowledgement subjects, and on it one scene for each module."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from adapters.embedded.data_directory import DataDirectory
from tests.adversary.network import AttackedNetwork, running_network
from tests.adversary.scene import Scene
from tests.servers import seeded


@pytest.fixture(scope="session", params=[False, True], ids=["old-receipts", "new-receipts"])
def network(
    request: pytest.FixtureRequest, initialised_directory: DataDirectory
) -> Iterator[AttackedNetwork]:
    with (
        seeded(initialised_directory) as directory,
        running_network(directory, has_new_receipts=request.param) as network,
    ):
        yield network


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(network: AttackedNetwork) -> AsyncIterator[Scene]:
    async with Scene.on(network) as scene:
        yield scene
