"""Small live batches in one statement give the rows that transactions give, and never half of them."""

from collections.abc import AsyncIterator
from random import Random

import pytest

from projections import live_batch
from projections.contract import Gap, Projection, Superseded, Transaction, apply_batch, live_schema
from projections.live_batch import KnownRows, WritesRows, apply_live
from projections.migrations import prepare
from projections.rebuild import digest
from projections.registry import BY_NAME, PROJECTIONS
from projections.runner import connect, enter
from tests.histories import random_history

HISTORY = random_history(60, seed=5, trouble=0.2).commits


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Transaction]:
    async with await connect(database, "test") as connection:
        yield connection


async def entered(connection: Transaction, projection: Projection) -> KnownRows:
    await prepare(connection, projection, live_schema(projection))
    return KnownRows(await enter(connection, live_schema(projection)))


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
@pytest.mark.parametrize("seed", [1, 2])
async def test_any_cut_into_small_batches_gives_the_rows_of_one_large_one(
    connection: Transaction, projection: Projection, seed: int
) -> None:
    assert isinstance(projection, WritesRows)
    known, schema, position = await entered(connection, projection), live_schema(projection), 0
    chance = Random(seed)
    while position < len(HISTORY):
        commits = HISTORY[position : position + chance.randint(1, 7)]
        position = (
            await apply_live(connection, projection, schema, commits, position=position, known=known) or 0
        )
        assert position == commits[-1].position
        if chance.random() < 0.2:
            known.forget()
    await prepare(connection, projection, "beside")
    await apply_batch(connection, projection, "beside", 0, HISTORY)
    assert await digest(connection, projection, schema) == await digest(connection, projection, "beside")


async def test_a_batch_that_needs_copy_is_left_to_a_transaction(connection: Transaction) -> None:
    ledger = BY_NAME["ledger"]
    assert isinstance(ledger, WritesRows)
    known = await entered(connection, ledger)
    assert await apply_live(connection, ledger, "ledger_v1", HISTORY, position=0, known=known) is None
    assert await apply_batch(connection, ledger, "ledger_v1", 0, HISTORY) == len(HISTORY)


async def test_somebody_elses_batch_is_noticed_and_nothing_is_written(connection: Transaction) -> None:
    jobs = BY_NAME["jobs"]
    assert isinstance(jobs, WritesRows)
    known = await entered(connection, jobs)
    await apply_batch(connection, jobs, "jobs_v1", 0, HISTORY[:20])
    before = await digest(connection, jobs, "jobs_v1")
    with pytest.raises(Superseded):
        await apply_live(connection, jobs, "jobs_v1", HISTORY[:30], position=0, known=known)
    assert await digest(connection, jobs, "jobs_v1") == before


async def test_tables_that_were_replaced_by_a_rebuild_are_not_written_into(connection: Transaction) -> None:
    jobs = BY_NAME["jobs"]
    assert isinstance(jobs, WritesRows)
    known = await entered(connection, jobs)
    await connection.execute(b"UPDATE projections.position SET rebuilds = rebuilds + 1")
    with pytest.raises(Superseded):
        await apply_live(connection, jobs, "jobs_v1", HISTORY[:5], position=0, known=known)


async def test_a_hole_in_the_commits_stops_it(connection: Transaction) -> None:
    jobs = BY_NAME["jobs"]
    assert isinstance(jobs, WritesRows)
    known = await entered(connection, jobs)
    with pytest.raises(Gap):
        await apply_live(connection, jobs, "jobs_v1", HISTORY[1:3], position=0, known=known)


async def test_only_so_many_rows_are_remembered(
    connection: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_batch, "ROWS_KNOWN_MAX", 3)
    jobs = BY_NAME["jobs"]
    assert isinstance(jobs, WritesRows)
    known = await entered(connection, jobs)
    write = (await jobs.writes(connection, HISTORY, known))[0]
    known.remember(write)
    assert list(known.of(write.table).values()) == list(write.rows)[-3:]
    known.forget()
    assert not known.of(write.table)
