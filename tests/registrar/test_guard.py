"""The guard: what counts as a flood, by tables, and one real flood."""

import asyncio
import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from adapters.nats.accounts.jwt import encode64
from adapters.nats.accounts.roles import Role
from adapters.nats.accounts.system import AccountTraffic, ServerTraffic, Volume
from registrar.guard import (
    BURST_BYTES_PER_S_MAX,
    BURST_MESSAGES_PER_S_MAX,
    STEADY_BYTES_PER_S_MAX,
    STEADY_CONNECTS_PER_S_MAX,
    STEADY_MESSAGES_PER_S_MAX,
    Samples,
)
from tests.fabric import Fabric
from tests.registrar.conftest import NewStory, registrar_on
from tests.registrar.stories import OWNER, Story, until

A = "account"
FLOOD_S_MAX = 3.0
HIGH = STEADY_MESSAGES_PER_S_MAX + 1
BURST = BURST_MESSAGES_PER_S_MAX + 1
MUCH = STEADY_BYTES_PER_S_MAX + 1
OFTEN = STEADY_CONNECTS_PER_S_MAX + 1


def server(messages: int, size: int = 0, *, name: str = "n1", account: str = A) -> ServerTraffic:
    return ServerTraffic(server_id=name, accounts=(AccountTraffic(account, Volume(messages, size)),))


@pytest.mark.parametrize(
    ("messages", "sizes", "connects", "floods"),
    [
        ([0, STEADY_MESSAGES_PER_S_MAX, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]),
        ([HIGH, HIGH, HIGH], [0, 0, 0], [0, 0, 0], [0, 1, 0]),
        ([HIGH, HIGH, HIGH, HIGH], [0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 1]),
        ([HIGH, 0, HIGH], [0, 0, 0], [0, 0, 0], [0, 0, 0]),
        ([0, BURST, BURST], [0, 0, 0], [0, 0, 0], [0, 1, 1]),
        ([1, 1, 1], [0, MUCH, MUCH], [0, 0, 0], [0, 0, 1]),
        ([0, 0, 0], [0, 0, 0], [OFTEN, OFTEN, 0], [0, 1, 0]),
        ([0, HIGH, 0], [0, 0, MUCH], [0, 0, 0], [0, 0, 1]),
        ([BURST_MESSAGES_PER_S_MAX], [0], [0], [0]),
        ([1, 1], [0, BURST_BYTES_PER_S_MAX + 1], [0, 0], [0, 1]),
        ([1], [BURST_BYTES_PER_S_MAX], [0], [0]),
    ],
)
def test_a_flood_is_two_high_samples_in_a_row_or_a_burst(
    messages: list[int], sizes: list[int], connects: list[int], floods: list[int]
) -> None:
    """Each figure is what came in one sample of a second; a flood is told once and then counted anew."""
    samples, sent, size = Samples(), 0, 0
    samples.take([server(0)], {}, 1.0)
    found = []
    for more, bytes_more, connected in zip(messages, sizes, connects, strict=True):
        sent, size = sent + more, size + bytes_more
        found.append(len(samples.take([server(sent, size)], {A: connected}, 1.0)))
    assert found == floods


def test_a_rate_is_per_second_and_over_all_servers() -> None:
    samples = Samples()
    samples.take([server(0, name="n1"), server(0, name="n2")], {}, 2.0)
    told = [server(BURST, name="n1"), server(BURST, name="n2")]
    [rate] = samples.take(told, {A: 8}, 2.0).values()
    assert rate.messages_per_s == BURST
    assert rate.connects_per_s == 4


def test_what_a_server_counted_before_we_looked_is_nobodys_flood() -> None:
    samples = Samples()
    assert not samples.take([server(10 * BURST)], {}, 1.0)
    assert not samples.take([server(10 * BURST), server(10 * BURST, name="restarted")], {}, 1.0)


def test_an_account_that_a_known_server_begins_to_count_is_counted_from_its_beginning() -> None:
    samples = Samples()
    samples.take([server(1, account="another")], {}, 1.0)
    assert A in samples.take([server(BURST)], {}, 1.0)


class Edge:
    """The coordinator's end, which does not listen the first time."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    async def take(self, message: Msg) -> None:
        self.heard.append({"subject": message.subject, **json.loads(message.data)})
        is_taken = len(self.heard) > 1
        await message.respond(json.dumps({"success": is_taken}).encode())


async def flood(story: Story, user_jwt: str) -> None:
    """Speaks the protocol itself, and says what it may as fast as it can until the server ends the connection."""
    where = urlsplit(story.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    nonce = json.loads((await reader.readline()).removeprefix(b"INFO "))["nonce"]
    hello = {"jwt": user_jwt, "sig": encode64(story.user.sign(nonce.encode())), "verbose": False}
    writer.write(b"CONNECT " + json.dumps(hello).encode() + b"\r\n")
    ping = f"PUB host.{story.island_id}.ping 1\r\nx\r\n".encode()
    with suppress(ConnectionError):
        while not reader.at_eof():
            writer.write(ping * 500)
            await writer.drain()
            await asyncio.sleep(0.001)
    writer.close()


async def test_a_flooding_island_is_thrown_out_and_reported_once(
    fabric: Fabric, log: Client, new_story: NewStory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registrar.guard.REPORT_PAUSE_S", 0.01)
    flooder, quiet, edge = new_story(), new_story(), Edge()
    for story in (flooder, quiet):
        await story.tell(story.enrolled(owner_id=OWNER))
    async with (
        registrar_on(fabric, sample_s=0.2),
        fabric.connected(Role.API) as api,
        fabric.connected(Role.EDGE) as desk,
    ):
        await desk.subscribe("registrar.floods.*", cb=edge.take)
        await flooder.until_answered(api)
        jwts = [(await story.documents(api))["user_jwt"] for story in (flooder, quiet)]
        async with quiet.connected(jwts[1]) as other:
            async with asyncio.timeout(FLOOD_S_MAX):
                await flood(flooder, jwts[0])
            await until(lambda: len(edge.heard) == 2)
            assert other.is_connected
    assert edge.heard[0] == edge.heard[1], "the same flood under the same id"
    assert edge.heard[0]["flood_id"].startswith(f"{flooder.island_id}.")
    assert edge.heard[0]["subject"] == f"registrar.floods.{flooder.island_id}"
    assert edge.heard[0]["messages_per_s"] > STEADY_MESSAGES_PER_S_MAX
