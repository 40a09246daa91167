"""What is pulled comes whole and in order, and what an island writes into its headers is no answer of the server."""

import asyncio
import json
from contextlib import aclosing

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from adapters.nats import subjects
from adapters.nats.pulling import Arrivals, pulled
from adapters.nats.replies import Unanswered, is_stored, read_batches
from adapters.nats.streams import create_streams
from adapters.nats.tail import StreamTail
from domain.ids import IslandId

ISLAND = IslandId("island-1")
STATUSES = ["100", "204", "404", "408", "409", "500", "503", "?"]
WITHIN_S = 5.0


async def send_statuses(client: Client, subject: str) -> None:
    """A message with each status and no body, as the server's own answers have none; then a plain one."""
    for status in STATUSES:
        await client.jetstream().publish(subject, b"", headers={"Status": status, "Nats-Sequence": "77"})
    await client.jetstream().publish(subject, b"plain")


async def test_messages_that_look_like_answers_are_delivered_to_the_intake(nats_client: Client) -> None:
    await create_streams(nats_client)
    await send_statuses(nats_client, subjects.status(ISLAND))
    found: list[str] = []
    async with (
        asyncio.timeout(WITHIN_S),
        aclosing(pulled(nats_client, subjects.JOB_STATUS, subjects.INTAKE, batch_max=4)) as batches,
    ):
        async for batch in batches:
            for message in batch:
                found.append((message.headers or {}).get("Status", ""))
                await message.ack()
            if len(found) > len(STATUSES):
                break
    assert found == [*STATUSES, ""]


async def test_messages_that_look_like_answers_do_not_stop_a_tail(nats_client: Client) -> None:
    await create_streams(nats_client)
    await send_statuses(nats_client, subjects.output(ISLAND))
    positions: list[int] = []
    async with (
        asyncio.timeout(WITHIN_S),
        aclosing(StreamTail(nats_client, subjects.JOB_OUTPUT).batches(after=0)) as batches,
    ):
        async for batch in batches:
            positions += [one.position for one in batch]
            if len(positions) > len(STATUSES):
                break
    assert positions == list(range(1, len(STATUSES) + 2))


async def test_messages_that_look_like_answers_do_not_end_a_reading(nats_client: Client) -> None:
    await create_streams(nats_client)
    await send_statuses(nats_client, subjects.output(ISLAND))
    read = [m async for b in read_batches(nats_client, subjects.JOB_OUTPUT, "host.*.*", start=1) for m in b]
    assert all(is_stored(message) for message in read)
    assert [int(m.headers["Nats-Sequence"]) for m in read if m.headers] == list(range(1, len(STATUSES) + 2))


async def test_a_consumer_that_is_not_there_is_told_and_not_asked_for_ever(nats_client: Client) -> None:
    await create_streams(nats_client)
    with pytest.raises(Unanswered):
        async with asyncio.timeout(WITHIN_S):
            await anext(pulled(nats_client, subjects.JOB_STATUS, "nobody", batch_max=4))


async def positions_of(tail: StreamTail, count: int) -> list[int]:
    """Of the first messages behind the beginning."""
    positions: list[int] = []
    async with asyncio.timeout(WITHIN_S), aclosing(tail.batches(after=0)) as batches:
        async for batch in batches:
            positions += [one.position for one in batch]
            if len(positions) >= count:
                break
    return positions


async def test_a_message_lost_on_its_way_is_fetched_again_also_behind_a_filter(
    nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_streams(nats_client)
    for number in range(5):
        await nats_client.jetstream().publish(f"evt.{'job' if number % 2 else 'island'}.a", b"")
    lost: list[Msg] = []
    add = Arrivals.add

    async def add_all_but_the_second(self: Arrivals, message: Msg) -> None:
        if message.reply and message.metadata.sequence.stream == 3 and not lost:
            lost.append(message)
        else:
            await add(self, message)

    monkeypatch.setattr(Arrivals, "add", add_all_but_the_second)
    tail = StreamTail(nats_client, subjects.EVT, subject="evt.island.*")
    assert await positions_of(tail, 3) == [1, 3, 5]
    assert lost


async def test_a_hole_that_a_ring_has_left_stops_no_tail(nats_client: Client) -> None:
    config = {"name": "RING", "subjects": ["ring.*"], "max_msgs_per_subject": 1, "allow_direct": True}
    await nats_client.request("$JS.API.STREAM.CREATE.RING", json.dumps(config).encode())
    for subject in ("a", "b", "b", "c"):
        await nats_client.jetstream().publish(f"ring.{subject}", b"")
    assert await positions_of(StreamTail(nats_client, "RING"), 3) == [1, 3, 4]
