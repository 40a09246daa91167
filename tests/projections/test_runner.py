"""A projection follows the log whatever dies: the database, another runner, or nothing but luck."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from signal import SIGKILL
from string import ascii_letters

import pytest

from adapters.embedded.data_directory import DataDirectory
from commands.event_log import Commit, LogUnavailable
from projections import runner as runner_module
from projections.contract import CommitRefused, Gap, Transaction
from projections.runner import Runner
from tests.histories import History
from tests.projections.tally import Tally, Ticked, standing, tallied
from tests.servers import postgres_on

WITHIN_S = 20.0


class LiveLog(History):
    """A log that can be followed while it grows."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = asyncio.Condition()

    async def grow(self, *events: object) -> None:
        async with self.moved:
            for event in events:
                self.add("stream", event)
            self.moved.notify_all()

    async def follow(self, after: int) -> AsyncIterator[Sequence[Commit]]:
        while True:
            async with self.moved:
                await self.moved.wait_for(lambda at=after: len(self.commits) > at)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            batch = self.commits[after : after + 10]
            after += len(batch)
            yield batch


@asynccontextmanager
async def running(runner: Runner, log: LiveLog) -> AsyncIterator[asyncio.Task[None]]:
    task: asyncio.Task[None] = asyncio.create_task(runner.run_forever(log.follow))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "STANDBY_LOOKS_EVERY_S", 0.05)


async def comes_true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_runner_catches_up_and_follows(database: str) -> None:
    log, runner = LiveLog(), Runner(database, Tally())
    await log.grow(*[Ticked()] * 25)
    async with running(runner, log):
        await comes_true(lambda: runner.position == 25)
        await log.grow(Ticked())
        await comes_true(lambda: runner.position == 26)
    assert (tallied(database), standing(database)) == ({"stream": 26}, 26)


async def test_a_large_batch_is_applied_in_bounded_steps(database: str) -> None:
    sizes: list[int] = []

    class Measured(Tally):
        async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
            sizes.append(len(commits))
            await super().apply(tx, commits)

    log = LiveLog()
    await log.grow(*[Ticked()] * (runner_module.BATCH_COMMITS_MAX + 1))

    async def at_once(after: int) -> AsyncIterator[Sequence[Commit]]:
        yield log.commits[after:]
        await asyncio.Event().wait()

    runner = Runner(database, Measured())
    task = asyncio.create_task(runner.run_forever(at_once))
    await comes_true(lambda: runner.position == len(log.commits))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sizes == [runner_module.BATCH_COMMITS_MAX, 1]


async def test_a_second_runner_stands_by_and_takes_over(database: str) -> None:
    log = LiveLog()
    first, second = Runner(database, Tally()), Runner(database, Tally())
    async with running(second, log):
        await comes_true(lambda: second.is_working)
        async with running(first, log):
            await log.grow(Ticked(), Ticked())
            await comes_true(lambda: second.position == 2)
            assert (first.is_working, first.position) == (False, 0)
    async with running(first, log):
        await log.grow(Ticked())
        await comes_true(lambda: first.position == 3)
    assert (tallied(database), standing(database)) == ({"stream": 3}, 3)


async def test_a_runner_that_was_overtaken_reads_its_position_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def both_may(_connection: object, _schema: str) -> bool:
        return True

    monkeypatch.setattr(runner_module, "try_lock", both_may)
    log = LiveLog()
    first, second = Runner(database, Tally()), Runner(database, Tally())
    async with running(first, log), running(second, log):
        for _ in range(30):
            await log.grow(Ticked())
            await asyncio.sleep(0.005)
        await comes_true(lambda: first.position == second.position == 30)
    assert (tallied(database), standing(database)) == ({"stream": 30}, 30)


async def test_a_commit_that_cannot_be_applied_stops_the_runner_right_before_it(database: str) -> None:
    log, runner = LiveLog(), Runner(database, Tally())
    await log.grow(*[Ticked()] * 6, Ticked("poison"), Ticked())
    with pytest.raises(CommitRefused, match="commit 7 on stream cannot be applied") as refused:
        await runner.run_forever(log.follow)
    assert (refused.value.name, refused.value.position) == ("tally", 6)
    assert (tallied(database), standing(database)) == ({"stream": 6}, 6)
    log.commits[6] = replace(log.commits[6], events=(Ticked(),))
    async with running(runner, log):
        await comes_true(lambda: runner.position == 8)
    assert tallied(database) == {"stream": 8}


async def test_a_value_that_no_retry_can_store_stops_the_runner(database: str) -> None:
    log, runner = LiveLog(), Runner(database, Tally())
    log.add("".join(random.Random(0).choices(ascii_letters, k=9_000)), Ticked())  # Too long for an index.
    async with asyncio.timeout(WITHIN_S):
        with pytest.raises(CommitRefused, match="index row"):
            await runner.run_forever(log.follow)


async def test_a_gap_stops_the_runner(database: str) -> None:
    log, runner = LiveLog(), Runner(database, Tally())
    await log.grow(*[Ticked()] * 4)
    del log.commits[2]
    with pytest.raises(Gap, match="commit 3 was expected, 4 came"):
        await runner.run_forever(log.follow)
    assert runner.position == 0


async def test_a_log_that_is_away_is_asked_again(database: str) -> None:
    log, runner = LiveLog(), Runner(database, Tally())
    await log.grow(Ticked())
    tries = 0

    async def flaky(after: int) -> AsyncIterator[Sequence[Commit]]:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise LogUnavailable("restarting")
        async for batch in log.follow(after):
            yield batch

    task = asyncio.create_task(runner.run_forever(flaky))
    await comes_true(lambda: runner.position == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert tries == 2


async def test_a_killed_database_costs_nothing_but_time(seeded_directory: DataDirectory) -> None:
    log = LiveLog()
    async with postgres_on(seeded_directory) as server:
        runner = Runner(server.dsn, Tally())
        async with running(runner, log):
            for _ in range(2):
                await log.grow(*[Ticked()] * 20)
                await comes_true(lambda: runner.position > 0)
                assert server.pid is not None
                os.kill(server.pid, SIGKILL)
                await log.grow(*[Ticked()] * 20)
                await server.restart()
                await comes_true(lambda: runner.position == len(log.commits))
        assert (tallied(server.dsn), standing(server.dsn)) == ({"stream": 80}, 80)
