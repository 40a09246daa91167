"""Programs whose credentials were replaced end in one line, so that their supervisor starts them with the new ones."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from adapters.embedded.data_directory import DataDirectory
from adapters.nats.accounts import rotation
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.rotation import Holder
from tests.faults.network import Network, eventually

ENDED_WITHIN_S: Final = 20.0


@pytest.fixture
async def whole_network(seeded_directory: DataDirectory) -> AsyncIterator[Network]:
    network = Network(seeded_directory)
    try:
        yield network
    finally:
        await network.close()


def copied(folder: KeyFolder, name: str) -> Path:
    """The folder as it was brought to another machine."""
    return Path(shutil.copytree(folder.path, folder.path.parent / name))


async def test_they_end_and_say_so_when_the_server_no_longer_knows_them(whole_network: Network) -> None:
    network, deployment = whole_network, whole_network.fabric.deployment
    await network.start(copied(deployment.registrar, "old-registrar"))
    programs = [
        network.registrars[0],
        await network.add_door(copied(deployment.door, "old-door")),
        await network.add_coordinator(copied(deployment.coordinator, "old-coordinator")),
    ]
    for holder in Holder:
        rotation.replace(deployment, holder)
    await network.servers.nats.stop()
    await network.servers.nats.restart()

    async def have_ended() -> bool:
        return all(program.exit_code is not None for program in programs)

    await eventually(have_ended, within_s=ENDED_WITHIN_S)
    for program in programs:
        said = [line for line in program.printed().splitlines() if line.startswith("error: ")]
        assert (program.exit_code, len(said)) == (1, 1), program.printed()
        assert said[0].startswith("error: NATS: the server no longer lets ")
