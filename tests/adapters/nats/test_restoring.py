"""A log made again: equal in every byte that counts, refused where it cannot be, and resumed where it broke off."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.event_tail import EventTail
from adapters.nats.raw_log import RawLog
from adapters.nats.restoring import AT_ONCE, NotRestored, compared, restored
from adapters.nats.streams import create_streams
from commands.raw_commit import RawCommit, leaf_bytes
from tests.examples import origin, submitted

COMMITS = 2 * AT_ONCE + 7
STREAMS = 3


def nothing(_: int) -> None:
    pass


async def raws(client: Client) -> list[RawCommit]:
    return [raw async for batch in RawLog(client).read(after=0) for raw in batch]


@pytest.fixture
async def copy(nats_client: Client, jetstream_log: JetStreamEventLog) -> list[RawCommit]:
    """The commits of a log that is empty again."""
    versions = [0] * STREAMS
    for number in range(COMMITS):
        stream = number % STREAMS
        versions[stream] = await jetstream_log.append(
            f"job.j-{stream}", [submitted()], expected=versions[stream], origin=origin(f"c-{number}")
        )
    found = await raws(nats_client)
    await nats_client.jetstream().delete_stream(subjects.EVT)
    await create_streams(nats_client)
    return found


async def each(commits: Sequence[RawCommit]) -> AsyncIterator[RawCommit]:
    for commit in commits:
        yield commit


async def test_a_restored_log_is_the_one_that_was_lost(
    nats_client: Client, jetstream_log: JetStreamEventLog, copy: list[RawCommit]
) -> None:
    assert await restored(nats_client, each(copy), nothing) == COMMITS
    again = await raws(nats_client)
    assert [leaf_bytes(one) for one in again] == [leaf_bytes(one) for one in copy]
    assert again == copy
    read = [commit async for batch in jetstream_log.read(after=0) for commit in batch]
    assert [one.recorded_at_ms for one in read] == [one.recorded_at_ms for one in copy]


async def test_who_follows_a_restored_log_sees_the_times_it_had(
    nats_client: Client, jetstream_log: JetStreamEventLog, copy: list[RawCommit]
) -> None:
    tail = EventTail(nats_client, jetstream_log)
    following = asyncio.create_task(tail.run())
    try:
        await restored(nats_client, each(copy), nothing)
        times: list[int] = []
        async for commits in tail.follow(0):
            times += [one.recorded_at_ms for one in commits]
            if len(times) == COMMITS:
                break
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert times == [one.recorded_at_ms for one in copy]


async def test_a_restored_log_goes_on_behind_its_last_commit(
    nats_client: Client, jetstream_log: JetStreamEventLog, copy: list[RawCommit]
) -> None:
    await restored(nats_client, each(copy), nothing)
    past = await jetstream_log.load("job.j-0")
    position = await jetstream_log.append(
        "job.j-0", [submitted()], expected=past.version, origin=origin("new")
    )
    assert position == COMMITS + 1


async def test_a_restore_that_broke_off_goes_on(nats_client: Client, copy: list[RawCommit]) -> None:
    broken_off = AT_ONCE + 3
    await restored(nats_client, each(copy[:broken_off]), nothing)
    rest = each(copy)
    await compared(nats_client, rest, broken_off)
    assert await restored(nats_client, rest, nothing) == COMMITS
    assert await raws(nats_client) == copy


async def test_another_past_is_not_written_on(nats_client: Client, copy: list[RawCommit]) -> None:
    await restored(nats_client, each(copy[:5]), nothing)
    with pytest.raises(NotRestored, match="position 1: the log has another commit"):
        await compared(nats_client, each(copy[1:]), 5)


async def test_a_copy_with_a_gap_stops_where_the_gap_is(nats_client: Client, copy: list[RawCommit]) -> None:
    with pytest.raises(NotRestored, match="position 4"):
        await restored(nats_client, each([*copy[:2], *copy[3:8]]), nothing)
    assert await raws(nats_client) == copy[:2]
