"""Readers see what they wrote, and followers hear the newest position, also after Postgres was away."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from signal import SIGKILL

import pytest

from adapters.embedded.data_directory import DataDirectory
from projections.contract import Projection
from projections.progress import ALL, ProjectionProgress, Subscription
from tests.histories import History
from tests.projections.live import catch_up
from tests.projections.tally import Tally, Ticked
from tests.servers import postgres_on

LONG_S = 20.0


class Other(Tally):
    name = "other"


def history(count: int) -> History:
    made = History()
    for _ in range(count):
        made.add("stream", Ticked())
    return made


PROJECTIONS: tuple[Projection, ...] = (Tally(), Other())


@pytest.fixture
async def progress(database: str) -> AsyncIterator[ProjectionProgress]:
    async with ProjectionProgress(database, PROJECTIONS) as progress:
        yield progress


async def test_a_reader_waits_until_the_projection_has_come_so_far(
    progress: ProjectionProgress, database: str
) -> None:
    waiting = asyncio.create_task(progress.wait("tally", 3, LONG_S))
    await asyncio.sleep(0)
    assert not waiting.done()
    await catch_up(database, Tally(), history(3).commits)
    assert await waiting
    assert await progress.wait("tally", 3, 0.0)


async def test_a_reader_waits_no_longer_than_it_said(progress: ProjectionProgress, database: str) -> None:
    await catch_up(database, Tally(), history(3).commits)
    assert await progress.wait("tally", 3, LONG_S)
    assert not await progress.wait("tally", 4, 0.05)


async def test_all_projections_means_the_slowest(progress: ProjectionProgress, database: str) -> None:
    await catch_up(database, Tally(), history(3).commits)
    assert await progress.wait("tally", 3, LONG_S)
    assert not await progress.wait(ALL, 1, 0.05)
    await catch_up(database, Other(), history(2).commits)
    assert await progress.wait(ALL, 2, LONG_S)
    assert (progress.position(ALL), progress.position("tally")) == (2, 3)


async def test_positions_from_before_the_start_are_known(database: str) -> None:
    await catch_up(database, Tally(), history(3).commits)
    async with ProjectionProgress(database, PROJECTIONS) as progress:
        assert await progress.wait("tally", 3, LONG_S)


async def test_followers_hear_every_projection_that_moves(
    progress: ProjectionProgress, database: str
) -> None:
    async with aclosing(progress.subscribe()) as moves:
        first = asyncio.ensure_future(anext(moves))
        await asyncio.sleep(0)
        await catch_up(database, Tally(), history(3).commits)
        assert await first == ("tally", 3)
        await catch_up(database, Other(), history(1).commits)
        assert await anext(moves) == ("other", 1)


async def test_a_slow_follower_hears_the_newest_position_alone() -> None:
    subscription = Subscription()
    for position in (1, 2, 3):
        subscription.tell("tally", position)
    subscription.tell("other", 1)
    assert await subscription.next() == [("tally", 3), ("other", 1)]
    waiting = asyncio.create_task(subscription.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    subscription.tell("tally", 4)
    assert await waiting == [("tally", 4)]


async def test_progress_goes_on_after_a_killed_database(seeded_directory: DataDirectory) -> None:
    async with (
        postgres_on(seeded_directory) as server,
        ProjectionProgress(server.dsn, PROJECTIONS) as progress,
    ):
        await catch_up(server.dsn, Tally(), history(1).commits)
        assert await progress.wait("tally", 1, LONG_S)
        assert server.pid is not None
        os.kill(server.pid, SIGKILL)
        await server.restart()
        await catch_up(server.dsn, Tally(), history(2).commits)
        assert await progress.wait("tally", 2, LONG_S)
