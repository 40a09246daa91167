"""The door's folder was lost or seen by others: passwords stay good, what the folder held does not."""

import hashlib
from typing import Any, Final

import nats

from adapters import clock
from adapters.nats.accounts import rotation
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import Role
from adapters.nats.accounts.rotation import Holder
from adapters.nats.connection import access_of
from domain.ids import IslandId
from domain.island_commands import EnrolPasswordIsland
from tests.recovery.network import OWNER, RecoveringNetwork, copied, speaks

LOCAL_ID: Final = "5b1f0c9e-atlas"
PASSWORD: Final = "correct horse battery staple"
SHOWN: Final[dict[str, Any]] = {"user": LOCAL_ID, "password": PASSWORD, "allow_reconnect": False}


async def test_passwords_stay_good_when_the_doors_keys_are_replaced(network: RecoveringNetwork) -> None:
    await network.carry_out(
        EnrolPasswordIsland(
            island_id=IslandId(NKey.new(Kind.ACCOUNT).public),
            owner_id=OWNER,
            name="atlas",
            local_id=LOCAL_ID,
            password_sha256=hashlib.sha256(PASSWORD.encode()).hexdigest(),
            now_ms=clock.now_ms(),
        )
    )
    await network.start_door()
    assert await passes(network)
    stolen = copied(network.deployment.door.path, "stolen")
    await network.stop_door()
    rotation.replace(network.deployment, Holder.DOOR)
    await network.restart()
    await network.start_door()
    assert await passes(network)
    for role in (Role.DOOR, Role.DOOR_CORE):
        assert not await network.lets_in(access_of(network.server.url, KeyFolder(stolen), role))


async def passes(network: RecoveringNetwork) -> bool:
    client = await nats.connect(network.server.url, **SHOWN)
    try:
        return await speaks(client, LOCAL_ID)
    finally:
        await client.close()
