"""The tree over the log as it is kept: its tiles, its size and the head of its chain, moved in one transaction.

Written by the one worker that signs checkpoints, read for every proof. It can be lost: the worker makes it again from
the log. Nobody has to trust it, because every proof is verified against a signed root.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.advisory_locks import AdvisoryLock
from commands.log_tree import LogTree, Tile, open_addresses, proof, restored, tiles_for
from commands.merkle import Span

SCHEMA: Final = """
create table if not exists log_tree (
    name text primary key default 'log' check (name = 'log'), size bigint not null, chain_head bytea not null
);
create table if not exists log_tile (
    level smallint not null, index bigint not null, hashes bytea not null, primary key (level, index)
);
"""


class TreeSuperseded(Exception):
    """Another coordinator has moved the tree. Load it and go on from there."""


class TreeBehind(Exception):
    """The tree is smaller than what is to be proven with it."""


class TreeStore:
    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self._pool = pool

    async def create(self) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(%s)", (AdvisoryLock.TREE_TABLES,))
            await connection.execute(SCHEMA)

    async def load(self) -> LogTree:
        """The tree as it was saved last; an empty one at first."""
        async with self._pool.connection() as connection, connection.transaction():
            found = await connection.execute("select size, chain_head from log_tree for share")
            row = await found.fetchone()
            if row is None:
                return LogTree()
            size, chain_head = row
            return restored(size, chain_head, await tiles_at(connection, open_addresses(size)))

    async def save(self, tree: LogTree, *, old_size: int) -> None:
        """What was added to the tree since it had `old_size` leaves. Raises `TreeSuperseded`."""
        tiles = [(tile.level, tile.index, hashes) for tile, hashes in tree.flushed().items()]
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("insert into log_tree values ('log', 0, '') on conflict do nothing")
            moved = await connection.execute(
                "update log_tree set size = %s, chain_head = %s where size = %s",
                (tree.size, tree.chain_head, old_size),
            )
            if moved.rowcount != 1:
                raise TreeSuperseded
            async with connection.cursor() as cursor:
                await cursor.executemany(
                    """insert into log_tile values (%s, %s, %s)
                       on conflict (level, index) do update set hashes = excluded.hashes""",
                    tiles,
                )

    async def proof(self, spans: Sequence[Span]) -> list[bytes]:
        """The hashes of these spans, all of which must lie in the saved tree; a few tiles are read for them.

        Raises `TreeBehind` where the tree, which is made again after a loss, has not come so far yet.
        """
        async with self._pool.connection() as connection:
            tiles = await tiles_at(connection, tiles_for(spans))
        try:
            return proof(spans, tiles)
        except (KeyError, IndexError) as missing:
            raise TreeBehind from missing


async def tiles_at(connection: AsyncConnection[Any], addresses: Collection[Tile]) -> dict[Tile, bytes]:
    found = await connection.execute(
        """select level, index, hashes from log_tile
           join unnest(%s::smallint[], %s::bigint[]) as wanted (level, index) using (level, index)""",
        ([tile.level for tile in addresses], [tile.index for tile in addresses]),
    )
    return {Tile(level, index): hashes for level, index, hashes in await found.fetchall()}
