"""What stands beyond the end of a restored log is forgotten; what stands within it stays."""

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.process_store import ProcessStore
from adapters.postgres.rewinding import forget_beyond
from adapters.postgres.tree_store import TreeStore
from commands.log_tree import LogTree
from projections.contract import live_schema
from projections.migrations import prepare
from projections.registry import BY_NAME
from projections.runner import connect

BEYOND = ("accounts", 30)
WITHIN = ("people", 20)


@pytest.fixture
async def tables(database: str) -> str:
    """A read model at position 30, one at 20, a process at 30 and a tree over 30 commits."""
    async with await connect(database, "test") as connection:
        for name, position in (BEYOND, WITHIN):
            projection = BY_NAME[name]
            await prepare(connection, projection, live_schema(projection))
            moved = await connection.execute(
                "update projections.position set position = %s where schema = %s",
                (position, live_schema(projection)),
            )
            assert moved.rowcount == 1
    async with AsyncConnectionPool[AsyncConnection[object]](
        database, min_size=1, max_size=1, open=False, kwargs={"autocommit": True}
    ) as pool:
        processes, trees = ProcessStore(pool), TreeStore(pool)
        await processes.create()
        await trees.create()
        await processes.position("settling")
        await processes.save_position("settling", old=0, new=30)
        tree = LogTree()
        for number in range(30):
            tree.append(bytes([number]) * 32)
        await trees.save(tree, old_size=0)
    return database


async def test_only_what_stands_beyond_is_forgotten(tables: str) -> None:
    assert await forget_beyond(tables, 25) == [live_schema(BY_NAME["accounts"])]
    with psycopg.connect(tables) as connection:
        assert connection.execute("select position from process_position").fetchall() == [(25,)]
        assert connection.execute("select count(*) from log_tree").fetchall() == [(0,)]
        assert connection.execute("select count(*) from log_tile").fetchall() == [(0,)]
        left = connection.execute("select schema from projections.position").fetchall()
        assert left == [(live_schema(BY_NAME["people"]),)]
    assert await forget_beyond(tables, 25) == []


async def test_nothing_is_forgotten_where_the_copy_was_whole(tables: str) -> None:
    assert await forget_beyond(tables, 30) == []


async def test_an_empty_database_has_nothing_to_forget(database: str) -> None:
    assert await forget_beyond(database, 5) == []
