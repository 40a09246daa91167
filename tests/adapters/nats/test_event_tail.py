"""Nobody who follows the log misses a commit, also when the tail itself has fallen over."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from nats.aio.client import Client

from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.event_tail import EventTail
from commands.event_log import Commit
from tests.examples import origin, submitted

WITHIN_S = 10.0


@asynccontextmanager
async def running(tail: EventTail) -> AsyncIterator[None]:
    task = asyncio.create_task(tail.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def append(log: JetStreamEventLog, name: str) -> None:
    await log.append(f"job.{name}", [submitted()], expected=0, origin=origin(name))


async def followed(tail: EventTail, *, after: int = 0, up_to: int) -> list[int]:
    """The positions that a follower is given, until it has come so far."""
    positions: list[int] = []
    async with asyncio.timeout(WITHIN_S):
        async for commits in tail.follow(after):
            positions += positions_of(commits)
            if positions[-1] >= up_to:
                break
    return positions


def positions_of(commits: Sequence[Commit]) -> list[int]:
    return [commit.position for commit in commits]


async def test_a_tail_that_runs_again_goes_on_where_it_stopped(
    nats_client: Client, jetstream_log: JetStreamEventLog
) -> None:
    await append(jetstream_log, "a")
    tail = EventTail(nats_client, jetstream_log)
    async with running(tail):
        assert await followed(tail, up_to=1) == [1]
        await append(jetstream_log, "b")
        assert await followed(tail, up_to=2) == [1, 2]
    await append(jetstream_log, "c")
    async with running(tail):
        assert await followed(tail, up_to=3) == [1, 2, 3]
        await append(jetstream_log, "d")
        assert await followed(tail, after=1, up_to=4) == [2, 3, 4]


async def test_a_tail_that_begins_late_gives_its_followers_the_past(
    nats_client: Client, jetstream_log: JetStreamEventLog
) -> None:
    for name in ("a", "b"):
        await append(jetstream_log, name)
    tail = EventTail(nats_client, jetstream_log)
    async with running(tail):
        assert await followed(tail, up_to=2) == [1, 2]
        await append(jetstream_log, "c")
        assert await followed(tail, up_to=3) == [1, 2, 3]
