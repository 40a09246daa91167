"""When each API key and session was used last, without an event for every request.

Noted in memory by the API's door and written at intervals, so it may be off by `WRITTEN_EVERY_S` and a crash forgets as
much. Nothing is decided by it: it helps a person to tell which key can go.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.advisory_locks import AdvisoryLock

WRITTEN_EVERY_S: Final = 10.0
UNWRITTEN_MAX: Final = 50_000  # While Postgres is away; from then on new keys are not noted.

SCHEMA: Final = "create table if not exists key_use (key_id text primary key, used_at_ms bigint not null)"
WRITE: Final = """
insert into key_use select * from unnest(%s::text[], %s::bigint[])
on conflict (key_id) do update set used_at_ms = greatest(key_use.used_at_ms, excluded.used_at_ms)
"""
READ: Final = "select key_id, used_at_ms from key_use where key_id = any(%s)"


class KeyUses:
    """`run` and `last_used` raise what psycopg raises while Postgres is away; what was noted is kept until then."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self._pool = pool
        self._unwritten: dict[str, int] = {}

    async def create(self) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(%s)", (AdvisoryLock.KEY_USE_TABLES,))
            await connection.execute(SCHEMA)

    def note(self, key_id: str, *, now_ms: int) -> None:
        if key_id in self._unwritten or len(self._unwritten) < UNWRITTEN_MAX:
            self._unwritten[key_id] = now_ms

    async def last_used(self, key_ids: Sequence[str]) -> dict[str, int]:
        """Unix milliseconds by key; who was never used, or by another coordinator just now, is missing."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(READ, (list(key_ids),))).fetchall()
        here = {key_id: self._unwritten[key_id] for key_id in key_ids if key_id in self._unwritten}
        return dict(rows) | here

    async def run(self) -> None:
        """Writes at intervals until it is cancelled."""
        while True:
            await asyncio.sleep(WRITTEN_EVERY_S)
            await self.write()

    async def write(self) -> None:
        written = dict(self._unwritten)
        if not written:
            return
        async with self._pool.connection() as connection:
            await connection.execute(WRITE, (list(written), list(written.values())))
        for key_id, used_at_ms in written.items():
            if self._unwritten.get(key_id) == used_at_ms:
                del self._unwritten[key_id]
