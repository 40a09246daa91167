"""A projection built again from the log is what the live one is, and can take its place without anybody noticing."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import psycopg
import pytest

from commands.event_log import Commit
from domain.ids import AccountId
from projections import rebuild as rebuild_module
from projections.contract import Projection, live_schema
from projections.jobs import Jobs
from projections.placement import Placement
from projections.read_model import ReadModel
from projections.rebuild import RebuildBusy, rebuild, verify
from projections.registry import PROJECTIONS
from projections.runner import Runner, connect, try_lock
from tests.histories import History, random_history
from tests.projections.live import catch_up, reading

by_name = pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)


def schemas(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT schema FROM projections.position").fetchall()
        named = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '_v[0-9]'").fetchall()
    assert {name for (name,) in found} == {name for (name,) in named}
    return {name for (name,) in found}


@by_name
@pytest.mark.parametrize("batch", [3, 1_000])
async def test_a_rebuild_is_equal_to_the_live_rows(database: str, projection: Projection, batch: int) -> None:
    network = random_history(30, seed=7)
    await catch_up(database, projection, network.commits, batch=batch)
    seen: list[tuple[int, int]] = []
    verified = await verify(network, database, projection.name, lambda at, last: seen.append((at, last)))
    last = len(network.commits)
    assert verified.is_equal
    assert (verified.name, verified.position) == (projection.name, last)
    assert verified.events == sum(len(commit.events) for commit in network.commits)
    assert verified.seconds > 0
    assert seen[-1] == (last, last)
    assert schemas(database) == {live_schema(projection)}


async def test_a_changed_row_is_found_out_and_repaired(database: str) -> None:
    network = random_history(10, seed=7)
    await catch_up(database, Jobs(), network.commits)
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE jobs_v1.jobs SET bid_micro = bid_micro + 1 WHERE job_id = 'job-7-000001'")
    assert not (await verify(network, database, "jobs")).is_equal
    assert not (await rebuild(network, database, "jobs")).is_equal
    assert (await verify(network, database, "jobs")).is_equal
    assert schemas(database) == {"jobs_v1"}


async def test_a_lost_row_is_found_out(database: str) -> None:
    network = random_history(10, seed=7)
    await catch_up(database, Jobs(), network.commits)
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM jobs_v1.attempts WHERE job_id = 'job-7-000001'")
    assert not (await verify(network, database, "jobs")).is_equal


async def test_a_live_projection_that_is_behind_is_compared_where_it_stands(database: str) -> None:
    network = random_history(10, seed=7)
    half = len(network.commits) // 2
    await catch_up(database, Jobs(), network.commits[:half])
    verified = await verify(network, database, "jobs")
    assert (verified.is_equal, verified.position) == (True, half)


async def test_one_rebuild_at_a_time(database: str) -> None:
    async with await connect(database, "other") as other:
        assert await try_lock(other, "jobs_v1_rebuild")
        with pytest.raises(RebuildBusy, match="jobs is being rebuilt already"):
            await verify(History(), database, "jobs")
    assert (await verify(History(), database, "jobs")).is_equal


async def test_what_an_interrupted_rebuild_left_is_in_nobodys_way(database: str) -> None:
    network = random_history(10, seed=7)
    await catch_up(database, Placement(), network.commits)

    def power_cut(_position: int, _last: int) -> None:
        raise RuntimeError("power cut")

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA placement_v1_replaced")
        connection.execute("CREATE TABLE placement_v1_replaced.islands ()")
    with pytest.raises(RuntimeError, match="power cut"):
        await verify(network, database, "placement", power_cut)
    assert (await verify(network, database, "placement")).is_equal
    assert schemas(database) == {"placement_v1"}


class GrowingLog(History):
    """Shows a little more of a history at every look."""

    def __init__(self, commits: Sequence[Commit]) -> None:
        super().__init__()
        self.all = commits

    async def follow(self, after: int) -> AsyncIterator[Sequence[Commit]]:
        while True:
            if len(self.commits) <= after:
                self.commits = list(self.all[: len(self.commits) + 20])
                await asyncio.sleep(0.002)
            if batch := self.commits[after : after + 50]:
                after += len(batch)
                yield batch


async def test_readers_and_the_runner_go_on_while_schemas_change_places(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild_module, "BATCH_COMMITS_MAX", 100)
    network = random_history(300, seed=9, trouble=0.1)
    log, runner = GrowingLog(network.commits), Runner(database, Jobs())
    stop = asyncio.Event()
    async with reading(database) as reads:
        running = asyncio.create_task(runner.run_forever(log.follow))
        looking = asyncio.create_task(look_again_and_again(reads, stop))
        rebuilt = [await rebuild(log, database, "jobs") for _ in range(3)]
        assert runner.position > rebuilt[0].position > 0
        async with asyncio.timeout(30):
            while runner.position < len(network.commits):
                await asyncio.sleep(0.01)
        stop.set()
        assert await looking > 0
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert all(verified.is_equal for verified in rebuilt)
    last = await verify(network, database, "jobs")
    assert (last.is_equal, last.position) == (True, len(network.commits))
    assert schemas(database) == {live_schema(projection) for projection in PROJECTIONS}


async def look_again_and_again(reads: ReadModel, stop: asyncio.Event) -> int:
    """How many jobs there are never goes down."""
    most = 0
    while not stop.is_set():
        total = (await reads.jobs(AccountId("account-0"))).total
        assert total >= most
        most = total
    return most
