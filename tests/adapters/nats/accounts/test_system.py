"""What the registrar asks over the system account, on a real server."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client

from adapters.nats.accounts.roles import Role
from adapters.nats.accounts.system import SystemAccount
from adapters.nats.replies import Refused, Unanswered
from tests.fabric import Fabric, JoinedIsland

EFFECT_S = 5.0


@pytest.fixture
async def registrar(fabric: Fabric) -> AsyncIterator[Client]:
    async with fabric.connected(Role.REGISTRAR) as client:
        yield client


@pytest.fixture
def system(registrar: Client) -> SystemAccount:
    return SystemAccount(registrar)


async def until_gone(client: Client) -> None:
    async with asyncio.timeout(EFFECT_S):
        while client.is_connected:
            await asyncio.sleep(0.001)


async def silent(_: Exception) -> None:
    """Being thrown out is what happens here."""


async def received(system: SystemAccount, island: JoinedIsland) -> tuple[int, int]:
    """Messages and bytes of that account, by the only server."""
    [server] = await system.traffic()
    [volume] = [one.received for one in server.accounts if one.account == island.island_id]
    return volume.msgs, volume.bytes


async def test_what_is_no_document_is_refused_in_the_servers_words(system: SystemAccount) -> None:
    with pytest.raises(Refused, match="jwt update resulted in error"):
        await system.push("no document")


async def test_a_deleted_account_is_gone_with_its_connections(fabric: Fabric, system: SystemAccount) -> None:
    island = await fabric.island()
    assert island.island_id in await system.accounts()
    order = fabric.keys.deletion_jwt([island.island_id], issued_at_s=1)
    async with island.connected(allow_reconnect=False, error_cb=silent) as client:
        await system.delete(order)
        await until_gone(client)
    assert island.island_id not in await system.accounts()
    await system.delete(order)  # Once more is no error.


async def test_a_kick_ends_every_connection_of_one_account(fabric: Fabric, system: SystemAccount) -> None:
    island, other = await fabric.island(), await fabric.island()
    alone = {"allow_reconnect": False, "error_cb": silent}
    async with (
        island.connected(**alone) as first,
        island.connected(**alone) as second,
        other.connected(**alone) as third,
    ):
        assert await system.kick(island.island_id) == 2
        await until_gone(first)
        await until_gone(second)
        assert third.is_connected
    assert await system.kick(island.island_id) == 0


async def test_traffic_is_counted_over_reconnects_and_denied_messages_too(
    fabric: Fabric, system: SystemAccount
) -> None:
    island = await fabric.island()
    for _ in range(2):
        async with island.connected(error_cb=silent) as client:
            await client.publish("evt.job.denied", b"12345")
            await client.flush()
    async with asyncio.timeout(EFFECT_S):
        while await received(system, island) != (2, 10):
            await asyncio.sleep(0.01)


async def test_connections_are_heard_of_by_account(fabric: Fabric, system: SystemAccount) -> None:
    island = await fabric.island()
    heard: list[str] = []
    await system.on_connect(heard.append)
    await system.accounts()  # The subscription is in force.
    async with island.connected(), asyncio.timeout(EFFECT_S):
        while island.island_id not in heard:
            await asyncio.sleep(0.001)


async def test_silence_is_told_as_such(
    fabric: Fabric, system: SystemAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role may not ask this, so nobody hears it."""
    monkeypatch.setattr("adapters.nats.accounts.system.TIMEOUT_S", 0.05)
    with pytest.raises(Unanswered):
        await system.kick("A.*")
