"""A projection built again from the log, beside the live one: to prove that they agree, or to take its place.

Called by `archipelago projections verify|rebuild` and by the demo. The live projection goes on all the while; readers
and its runner notice nothing, not even when the schemas change places.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from psycopg import AsyncConnection, sql

from commands.event_log import Commit
from projections import registry
from projections.contract import Projection, apply_batch, live_schema
from projections.migrations import drop, lock_schemas, prepare
from projections.runner import connect, try_lock

BATCH_COMMITS_MAX: Final = 5_000

_POSITION: Final = b"SELECT position FROM projections.position WHERE schema = %s"
_REBUILT: Final = b"UPDATE projections.position SET rebuilds = rebuilds + 1 WHERE schema = %s"
_POSITION_LOCKED: Final = b"SELECT position FROM projections.position WHERE schema = %s FOR UPDATE"

Progress = Callable[[int, int], None]


class ReadableLog(Protocol):
    """The part of `commands.event_log.EventLog` that a rebuild needs."""

    def read(self, *, after: int, up_to: int | None = None) -> AsyncIterator[Sequence[Commit]]: ...


class RebuildBusy(Exception):
    """Somebody else rebuilds the same projection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Both digests are SHA-256 over all rows in key order, at the same position. `events` were folded in `seconds`."""

    name: str
    position: int
    live_digest: str
    rebuilt_digest: str
    events: int
    seconds: float

    @property
    def is_equal(self) -> bool:
        return self.live_digest == self.rebuilt_digest


def quiet(_position: int, _last: int) -> None:
    """For callers that show no progress."""


async def verify(log: ReadableLog, dsn: str, name: str, progress: Progress = quiet) -> Verified:
    """Builds projection `name` from zero and compares it with the live one. Nothing stays behind.

    `progress(position, last)` is called after every batch. Raises `RebuildBusy`, `KeyError` for an unknown name, and
    what the log and Postgres raise.
    """
    async with beside_the_live_one(log, dsn, name, progress) as fresh:
        return await fresh.compare(dsn)


async def rebuild(log: ReadableLog, dsn: str, name: str, progress: Progress = quiet) -> Verified:
    """As `verify`, and then the new rows take the place of the live ones, whether they were equal or not."""
    async with beside_the_live_one(log, dsn, name, progress) as fresh:
        verified = await fresh.compare(dsn)
        await fresh.switch(dsn)
        return verified


@asynccontextmanager
async def beside_the_live_one(
    log: ReadableLog, dsn: str, name: str, progress: Progress
) -> AsyncIterator["Rebuild"]:
    """An empty schema for the new rows; it is gone afterwards, as is whatever an interrupted rebuild has left."""
    projection = registry.BY_NAME[name]
    async with await connect(dsn, "archipelago rebuild") as connection:
        fresh = Rebuild(connection, log, projection, progress)
        if not await try_lock(connection, fresh.schema):
            raise RebuildBusy(f"projection {name} is being rebuilt already; try again when that is done")
        await fresh.drop()
        try:
            await prepare(connection, projection, fresh.schema)
            yield fresh
        finally:
            await fresh.drop()


class Rebuild:
    """One rebuild under way, in the schema `<live schema>_rebuild`."""

    def __init__(
        self,
        connection: AsyncConnection[Any],
        log: ReadableLog,
        projection: Projection,
        progress: Progress,
    ) -> None:
        self._connection = connection
        self._log = log
        self._projection = projection
        self._progress = progress
        self._live = live_schema(projection)
        self.schema = f"{self._live}_rebuild"
        self._replaced = f"{self._live}_replaced"
        self._position = 0
        self._events = 0

    async def compare(self, dsn: str) -> Verified:
        """Builds up to where the live projection is, and digests both at one position."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        async with await connect(dsn, "archipelago digest") as live:
            await prepare(live, self._projection, self._live)
            await self._catch_up(await position_of(live, self._live))
            async with live.transaction():
                await live.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                position = await position_of(live, self._live)
                await self._catch_up(position)
                seconds = loop.time() - started
                live_digest = await digest(live, self._projection, self._live)
        return Verified(
            name=self._projection.name,
            position=position,
            live_digest=live_digest,
            rebuilt_digest=await digest(self._connection, self._projection, self.schema),
            events=self._events,
            seconds=seconds,
        )

    async def switch(self, dsn: str) -> None:
        """Puts the rebuilt rows in the place of the live ones, at the very position of the live ones.

        The runner waits for the position's row meanwhile, which is as long as the last few commits take.
        """
        async with await connect(dsn, "archipelago switch") as live, live.transaction():
            await lock_schemas(live)
            found = await (await live.execute(_POSITION_LOCKED, (self._live,))).fetchone()
            assert found is not None
            await self._catch_up(found[0])
            # A statement that waits for this row was on its way into the tables that are replaced now: it must miss.
            await live.execute(_REBUILT, (self._live,))
            for old, new in ((self._live, self._replaced), (self.schema, self._live)):
                await live.execute(
                    sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
                )

    async def drop(self) -> None:
        """Removes the rebuilt or the replaced rows, whichever are left."""
        for schema in (self.schema, self._replaced):
            await drop(self._connection, schema)

    async def _catch_up(self, last: int) -> None:
        if self._position >= last:
            return
        waiting: list[Commit] = []
        async for commits in self._log.read(after=self._position, up_to=last):
            waiting += commits
            if len(waiting) >= BATCH_COMMITS_MAX or waiting[-1].position == last:
                await self._apply(waiting)
                self._progress(self._position, last)
                waiting = []

    async def _apply(self, commits: Sequence[Commit]) -> None:
        self._position = await apply_batch(
            self._connection, self._projection, self.schema, self._position, commits
        )
        self._events += sum(len(commit.events) for commit in commits)


async def position_of(connection: AsyncConnection[Any], schema: str) -> int:
    found = await (await connection.execute(_POSITION, (schema,))).fetchone()
    return int(found[0]) if found else 0


async def digest(connection: AsyncConnection[Any], projection: Projection, schema: str) -> str:
    """SHA-256 over every row of every table, in the order of the keys."""
    rows = hashlib.sha256()
    for table, key in projection.tables.items():
        rows.update(f"{table}\n".encode())
        statement = sql.SQL("COPY (SELECT * FROM {} ORDER BY {}) TO STDOUT").format(
            sql.Identifier(schema, table), sql.SQL(", ").join(map(sql.Identifier, key))
        )
        async with connection.cursor() as cursor, cursor.copy(statement) as copy:
            async for data in copy:
                rows.update(data)
    return rows.hexdigest()
