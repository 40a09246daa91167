"""Schemas are made once, changed by additions, and by one process at a time."""

import asyncio

import psycopg
from psycopg import sql

from projections.migrations import drop, prepare
from projections.runner import connect
from tests.histories import History
from tests.projections.live import catch_up
from tests.projections.tally import Tally, Ticked, tallied


class NotedTally(Tally):
    """The next release: one column more."""

    migrations = (*Tally.migrations, b"ALTER TABLE tally ADD COLUMN note text NOT NULL DEFAULT 'none'")


def schemas(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tally%'").fetchall()
    return {name for (name,) in found}


def notes(dsn: str, schema: str) -> list[tuple[str, int, str]]:
    with psycopg.connect(dsn) as connection:
        statement = sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, "tally"))
        return connection.execute(statement).fetchall()


async def test_a_new_schema_stands_at_zero_and_an_old_one_where_it_was(database: str) -> None:
    history = History()
    history.add("stream", Ticked())
    async with await connect(database, "test") as connection:
        assert await prepare(connection, Tally(), "tally_v1") == 0
        await catch_up(database, Tally(), history.commits)
        assert await prepare(connection, Tally(), "tally_v1") == 1


async def test_a_later_migration_keeps_the_rows(database: str) -> None:
    history = History()
    history.add("stream", Ticked())
    await catch_up(database, Tally(), history.commits)
    async with await connect(database, "test") as connection:
        assert await prepare(connection, NotedTally(), "tally_v1") == 1
        assert await prepare(connection, NotedTally(), "tally_v1") == 1
    assert notes(database, "tally_v1") == [("stream", 1, "none")]


async def test_many_processes_may_start_at_once(database: str) -> None:
    async def start() -> int:
        async with await connect(database, "test") as connection:
            return await prepare(connection, NotedTally(), "tally_v1")

    assert await asyncio.gather(*(start() for _ in range(6))) == [0] * 6
    assert tallied(database) == {}


async def test_a_dropped_schema_leaves_nothing(database: str) -> None:
    async with await connect(database, "test") as connection:
        await prepare(connection, Tally(), "tally_v1")
        await prepare(connection, Tally(), "tally_v1_rebuild")
        await drop(connection, "tally_v1_rebuild")
        await drop(connection, "tally_v1_rebuild")
        assert await prepare(connection, Tally(), "tally_v1_rebuild") == 0
        await drop(connection, "tally_v1_rebuild")
    assert schemas(database) == {"tally_v1"}
