"""Where each process stands in the log, and the saved pictures of planners.

Used by `api/workers.py`. A position is compared and set, so a second runner that woke up late steps aside. A picture is
a convenience: without it a planner reads the log from the beginning; one that does not fit today's program is dropped.
"""

from typing import Any, Final, TypeVar

import msgspec
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.advisory_locks import AdvisoryLock

P = TypeVar("P")

SCHEMA: Final = """
create table if not exists process_position (name text primary key, position bigint not null);
create table if not exists planner_picture (
    name text primary key, position bigint not null, picture bytea not null
);
"""


class Superseded(Exception):
    """Another runner moved this process's position. Stop and look again."""


class ProcessStore:
    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self._pool = pool

    async def create(self) -> None:
        async with self._pool.connection() as connection:
            await connection.execute("select pg_advisory_xact_lock(%s)", (AdvisoryLock.PROCESS_TABLES,))
            await connection.execute(SCHEMA)

    async def position(self, name: str) -> int:
        """Up to where everything was carried out; 0 at first."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "insert into process_position values (%s, 0) on conflict do nothing", (name,)
            )
            found = await connection.execute("select position from process_position where name = %s", (name,))
            row = await found.fetchone()
        assert row is not None
        return int(row[0])

    async def save_position(self, name: str, *, old: int, new: int) -> None:
        """Raises `Superseded` when the position is no longer `old`."""
        async with self._pool.connection() as connection:
            moved = await connection.execute(
                "update process_position set position = %s where name = %s and position = %s",
                (new, name, old),
            )
            if moved.rowcount != 1:
                raise Superseded(name)

    async def picture(self, name: str, kind: type[P]) -> P | None:
        async with self._pool.connection() as connection:
            found = await connection.execute("select picture from planner_picture where name = %s", (name,))
            row = await found.fetchone()
        if row is None:
            return None
        try:
            return msgspec.json.decode(row[0], type=kind)
        except msgspec.DecodeError:
            return None  # Saved by another version of the program.

    async def save_picture(self, name: str, *, position: int, picture: object) -> None:
        """Keeps the newest picture; an older one than is there changes nothing."""
        async with self._pool.connection() as connection:
            await connection.execute(
                """insert into planner_picture values (%s, %s, %s)
                   on conflict (name) do update set position = excluded.position, picture = excluded.picture
                   where planner_picture.position < excluded.position""",
                (name, position, msgspec.json.encode(picture)),
            )
