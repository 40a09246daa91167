"""The edge service over a real server, asked by real islands from their own accounts."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

import pytest
from nats.aio.client import Client

from adapters.nats import edge, subjects
from adapters.nats.accounts.roles import Role
from adapters.nats.edge import QUESTIONS_MAX, EdgeService, Flood
from adapters.wire import ALREADY_PAIRED, PairingAnswer
from domain.ids import IslandId
from tests.fabric import Fabric, JoinedIsland

ANSWER_S: Final = 5.0
CODE: Final = PairingAnswer(success=True, code="ABC234", expires_in_seconds=600, pair_url="https://net/pair")


class Desk:
    """Answers as it was told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.paired: set[IslandId] = set()
        self.asked: list[IslandId] = []
        self.floods: list[Flood] = []
        self.fault: Exception | None = None
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def pairing(self, island_id: IslandId) -> PairingAnswer:
        self.asked.append(island_id)
        await self.is_open.wait()
        if self.fault:
            raise self.fault
        return PairingAnswer(success=False, error=ALREADY_PAIRED) if island_id in self.paired else CODE

    async def penalize(self, flood: Flood) -> None:
        if self.fault:
            raise self.fault
        self.floods.append(flood)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def serving(fabric: Fabric, desk: Desk) -> AsyncIterator[None]:
    async with fabric.connected(Role.EDGE) as client:
        running = asyncio.create_task(EdgeService(client, desk).run())
        while client._sid < 3:  # All three subscriptions are made; flushed, the server knows them too.
            await asyncio.sleep(0)
        await client.flush()
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@pytest.fixture
async def island(fabric: Fabric) -> JoinedIsland:
    return await fabric.island(paired=False)


async def ask_for_code(client: Client, body: bytes = b"{}") -> dict[str, Any]:
    answer = await client.request(subjects.PAIRING, body, timeout=ANSWER_S)
    found: dict[str, Any] = json.loads(answer.data)
    return found


async def tell_flood(fabric: Fabric, island_id: IslandId, body: bytes) -> dict[str, Any]:
    async with fabric.connected(Role.REGISTRAR_CORE) as registrar:
        answer = await registrar.request(subjects.floods(island_id), body, timeout=ANSWER_S)
    found: dict[str, Any] = json.loads(answer.data)
    return found


async def test_a_pending_island_is_given_a_code(serving: None, desk: Desk, island: JoinedIsland) -> None:
    async with island.connected() as client:
        answer = await ask_for_code(client, json.dumps({"host_id": island.island_id}).encode())
    assert answer == {
        "success": True,
        "code": "ABC234",
        "expires_in_seconds": 600,
        "pair_url": "https://net/pair",
    }
    assert desk.asked == [island.island_id]


async def test_a_paired_island_is_told_so_in_the_words_it_knows(
    serving: None, desk: Desk, fabric: Fabric
) -> None:
    island = await fabric.island(paired=True)
    desk.paired.add(island.island_id)
    async with island.connected() as client:
        assert await ask_for_code(client) == {"success": False, "error": "already paired"}


@pytest.mark.parametrize(
    "body", [b"", b"\xff\x00", b"[" * 5000, b'{"host_id": 7}', b'{"host_id": "another"}']
)
async def test_who_asks_is_what_the_server_stamped_and_never_the_body(
    serving: None, desk: Desk, island: JoinedIsland, body: bytes
) -> None:
    async with island.connected() as client:
        assert (await ask_for_code(client, body))["success"]
    assert desk.asked == [island.island_id]


@pytest.mark.parametrize("paired", [True, False])
async def test_an_island_is_answered_pong(
    serving: None, fabric: Fabric, caplog: pytest.LogCaptureFixture, *, paired: bool
) -> None:
    island = await fabric.island(paired=paired)
    async with island.connected() as client:
        answer = await client.request(subjects.ping(island.island_id), b"\xff", timeout=ANSWER_S)
        await client.publish(
            subjects.ping(island.island_id)
        )  # Without a place for the answer: none, and no harm.
        again = await client.request(subjects.ping(island.island_id), timeout=ANSWER_S)
    assert (answer.data, again.data) == (b"pong", b"pong")
    assert "nats_error" not in caplog.messages


async def test_while_nothing_can_be_decided_the_island_is_told_to_ask_again(
    serving: None, desk: Desk, island: JoinedIsland
) -> None:
    desk.fault = OSError("secret")
    async with island.connected() as client:
        answer = await ask_for_code(client)
        desk.fault = None
        assert (await ask_for_code(client))["success"]
    assert answer == {"success": False, "error": "the coordinator cannot say now; ask again"}


async def test_one_island_has_one_question_at_a_time_and_keeps_nobody_waiting(
    serving: None, desk: Desk, fabric: Fabric, island: JoinedIsland
) -> None:
    other = await fabric.island(paired=False)
    desk.is_open.clear()
    async with island.connected() as client, other.connected() as neighbour:
        for _ in range(3 * QUESTIONS_MAX):
            await client.publish(subjects.PAIRING, b"{}")
        await client.flush()
        asking = asyncio.create_task(ask_for_code(neighbour))
        async with asyncio.timeout(ANSWER_S):
            while not {island.island_id, other.island_id} <= set(desk.asked):
                await asyncio.sleep(0.001)
        # Whose question the server passes on first is not ours to say.
        assert sorted(desk.asked) == sorted([island.island_id, other.island_id])
        desk.is_open.set()
        assert (await asking)["success"]


async def test_a_question_that_is_never_decided_is_dropped_and_the_next_is_taken(
    serving: None, desk: Desk, island: JoinedIsland, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "ANSWER_S", 0.05)
    desk.is_open.clear()
    async with island.connected() as client:
        with pytest.raises(TimeoutError):
            await client.request(subjects.PAIRING, b"{}", timeout=0.2)
        desk.is_open.set()
        assert (await ask_for_code(client))["success"]


async def test_a_flood_is_heard_of_and_confirmed(serving: None, desk: Desk, fabric: Fabric) -> None:
    island_id = IslandId("AISLAND")
    answer = await tell_flood(fabric, island_id, b'{"flood_id": "f-1", "messages_per_s": 90000}')
    assert answer == {"success": True}
    assert desk.floods == [Flood(island_id=island_id, flood_id="f-1", messages_per_s=90_000)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b'{"more": ' + b"[" * 100_000,
        b'{"flood_id": "", "messages_per_s": 1}',
        b'{"flood_id": "f", "messages_per_s": -1}',
        b'{"flood_id": "f", "messages_per_s": NaN}',
        b'{"flood_id": 3, "messages_per_s": 1}',
    ],
)
async def test_a_malformed_report_penalizes_nobody(
    serving: None, desk: Desk, fabric: Fabric, body: bytes
) -> None:
    answer = await tell_flood(fabric, IslandId("AISLAND"), body)
    assert answer["success"] is False
    assert answer["error"].startswith("body: ")
    assert desk.floods == []


async def test_a_flood_that_could_not_be_recorded_is_not_confirmed(
    serving: None, desk: Desk, fabric: Fabric
) -> None:
    desk.fault = OSError("the log is away")
    body = b'{"flood_id": "f-1", "messages_per_s": 90000}'
    async with fabric.connected(Role.REGISTRAR_CORE) as registrar:
        with pytest.raises(TimeoutError):
            await registrar.request(subjects.floods(IslandId("AISLAND")), body, timeout=0.1)
        desk.fault = None
    assert await tell_flood(fabric, IslandId("AISLAND"), body) == {"success": True}


async def test_of_two_coordinators_one_answers(
    fabric: Fabric, serving: None, desk: Desk, island: JoinedIsland
) -> None:
    async with AsyncExitStack() as stack:
        second = await stack.enter_async_context(fabric.connected(Role.EDGE))
        running = asyncio.create_task(EdgeService(second, desk).run())
        while second._sid < 3:
            await asyncio.sleep(0)
        await second.flush()
        client = await stack.enter_async_context(island.connected())
        for _ in range(5):
            await ask_for_code(client)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert len(desk.asked) == 5
