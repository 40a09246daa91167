"""The operator's folder is gone without a copy: the streams take the name of the new account."""

import shutil

import pytest

from adapters.embedded.data_directory import DirectoryUnusable
from adapters.nats.accounts.deployment import Deployment
from adapters.nats.accounts.key_folder import KeysUnusable
from adapters.nats.accounts.roles import Home, Role
from adapters.nats.connection import connect
from adapters.nats.event_log import JetStreamEventLog
from tests.recovery.network import Island, RecoveringNetwork, works
from tests.servers import nats_on


async def test_nothing_starts_with_another_operator_by_itself(
    network: RecoveringNetwork, island: Island
) -> None:
    await network.stop_registrar()
    await network.server.stop()
    shutil.rmtree(network.deployment.operator.path)
    with pytest.raises(KeysUnusable, match="restore it from a copy"):
        nats_on(network.directory)
    shutil.rmtree(network.directory.fabric)
    with pytest.raises(DirectoryUnusable, match="belongs to other keys"):
        await nats_on(network.directory).start()


async def test_new_keys_take_over_the_streams_when_their_folder_takes_the_new_name(
    network: RecoveringNetwork, island: Island
) -> None:
    joined = await network.document(island)
    before = await last_position(network)
    assert before > 0
    streams = network.directory.nats / "store" / "jetstream"
    old = network.deployment.account(Home.CORE)

    def start_anew() -> None:
        shutil.rmtree(network.directory.fabric)
        new = Deployment.open(network.directory.fabric).account(Home.CORE)
        (streams / old).rename(streams / new)

    await network.restart(while_down=start_anew)
    assert await last_position(network) == before
    assert not await network.lets_in_island(joined)
    assert await works(await network.document(island))


async def last_position(network: RecoveringNetwork) -> int:
    client = await connect(network.access(Role.COORDINATOR), "recovery")
    try:
        return await JetStreamEventLog(client).last_position()
    finally:
        await client.close()
