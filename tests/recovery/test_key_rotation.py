"""A new key to sign accounts with, and new credentials for one program: who goes on, and who does not come back."""

import json

import pytest

from adapters.nats.accounts import rotation
from adapters.nats.accounts.deployment import Deployment
from adapters.nats.accounts.island_keys import IslandKeys
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.layout import IslandAccount
from adapters.nats.accounts.roles import Role
from adapters.nats.accounts.rotation import Holder, RotationRefused
from adapters.nats.connection import access_of, connect
from tests.recovery.network import Island, RecoveringNetwork, copied, works


async def test_an_island_works_through_a_whole_rotation_with_the_document_it_has(
    network: RecoveringNetwork, island: Island
) -> None:
    joined = await network.document(island)
    old = IslandKeys.of_registrar(network.deployment.registrar)
    rotation.rotate(network.deployment)
    with pytest.raises(RotationRefused, match="4 accounts are still signed"):
        rotation.finish_rotation(network.deployment, network.directory.accounts)
    await network.stop_registrar()
    await network.restart_server()
    assert await works(joined)
    await network.start_registrar()
    assert await works(joined)
    rotation.finish_rotation(network.deployment, network.directory.accounts)
    await network.restart()
    assert await works(joined)
    await push_as_before(network, old, island)
    assert await works(joined)


async def push_as_before(network: RecoveringNetwork, old: IslandKeys, island: Island) -> None:
    """Somebody who kept the old key says that the island is not paired. The server keeps it and does not believe it."""
    account = IslandAccount(island_id=island.island_id, user_key=island.user.public, is_paired=False)
    document = old.account_jwt(account, issued_at_s=2_000_000_000)
    client = await connect(network.access(Role.REGISTRAR), "thief")
    answer = json.loads((await client.request("$SYS.REQ.CLAIMS.UPDATE", document.encode(), timeout=5)).data)
    await client.close()
    assert answer["data"]["account"] == island.island_id


async def test_replaced_credentials_let_nobody_in_and_the_new_ones_do(
    network: RecoveringNetwork, island: Island
) -> None:
    joined = await network.document(island)
    stolen = copied(network.deployment.coordinator.path, "stolen")
    with_stolen = access_of(network.server.url, KeyFolder(stolen), Role.COORDINATOR)
    assert await network.lets_in(with_stolen)
    rotation.replace(network.deployment, Holder.COORDINATOR)
    await network.restart_server()
    assert not await network.lets_in(with_stolen)
    assert await network.lets_in(network.access(Role.COORDINATOR))
    assert await works(joined)


async def test_a_restart_with_the_same_keys_changes_nothing(
    network: RecoveringNetwork, island: Island
) -> None:
    joined = await network.document(island)
    Deployment.open(network.directory.fabric)
    await network.restart_server()
    assert await works(joined)
