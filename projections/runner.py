"""The loop that keeps one projection up to date, for as long as the coordinator lives.

Any number of coordinators may run the same projection: a lock in Postgres lets one of them work while the others stand
by and look again, and should two ever work at once, the position's compare-and-set lets one batch win. Postgres may die
and come back at any time. Only what a person must look at ends the loop: a gap, or a commit that cannot be applied.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, NoReturn

import psycopg
from psycopg import AsyncConnection

from commands.event_log import Commit, LogUnavailable
from projections.contract import (
    CommitRefused,
    Projection,
    ProjectionStopped,
    Superseded,
    apply_batch,
    live_schema,
)
from projections.live_batch import KnownRows, WritesRows, apply_live
from projections.migrations import prepare
from projections.table import keep_json_as_bytes

BATCH_COMMITS_MAX: Final = 2_000
LIVE_COMMITS_MAX: Final = 100
STANDBY_LOOKS_EVERY_S: Final = 0.5
RETRY_FIRST_S: Final = 0.1
RETRY_LONGEST_S: Final = 5.0
LOCK_CLASS: Final = 0x61726368  # Keeps our locks apart from other users' of the same database.

# Rows and position are lost together or kept together, so a commit need not wait for the disk.
# Rows are found by key; a plan made while a table was small must not read all of it when it has grown.
OPTIONS: Final = "-c synchronous_commit=off -c enable_seqscan=off"

Source = Callable[[int], AsyncIterator[Sequence[Commit]]]

log = logging.getLogger(__name__)


class Runner:
    """Runs one projection on the database `dsn`. `position` is where it stands, as far as this runner knows."""

    def __init__(self, dsn: str, projection: Projection) -> None:
        self._dsn = dsn
        self._projection = projection
        self._schema = live_schema(projection)
        self._known = KnownRows(0)
        self.position = 0
        self.is_working = False

    async def run_forever(self, source: Source) -> NoReturn:
        """Applies what `source(position)` yields: the commits behind a position, in order, batch by batch.

        Where the source ends, it is asked again. Raises `Gap` and `CommitRefused`; then the position stands right
        before the commit in question, and a new call goes on from there.
        """
        pause_s = RETRY_FIRST_S
        while True:
            try:
                async with await connect(self._dsn, f"archipelago {self._projection.name}") as connection:
                    await self._stand_by(connection)
                    pause_s = RETRY_FIRST_S
                    await self._work(connection, source)
            except Exception as fault:
                if not passes_by_itself(fault):
                    raise
                log.warning(
                    "projection_interrupted",
                    extra={"projection": self._projection.name, "error": str(fault), "retry_s": pause_s},
                )
            finally:
                self.is_working = False
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, RETRY_LONGEST_S)

    async def _stand_by(self, connection: AsyncConnection[Any]) -> None:
        """Returns as soon as nobody else works on this projection.

        Looks again instead of waiting in Postgres: a statement that waits there keeps old row versions alive.
        """
        while not await try_lock(connection, self._schema):  # noqa: ASYNC110 - the other one is in another process
            await asyncio.sleep(STANDBY_LOOKS_EVERY_S)
        self.position = await prepare(connection, self._projection, self._schema)
        self._known = KnownRows(await enter(connection, self._schema))
        self.is_working = True

    async def _work(self, connection: AsyncConnection[Any], source: Source) -> None:
        log.info("projection_started", extra={"projection": self._projection.name, "position": self.position})
        while True:
            async for commits in source(self.position):
                for start in range(0, len(commits), BATCH_COMMITS_MAX):
                    await self._take(connection, commits[start : start + BATCH_COMMITS_MAX])
            await asyncio.sleep(RETRY_FIRST_S)

    async def _take(self, connection: AsyncConnection[Any], commits: Sequence[Commit]) -> None:
        try:
            self.position = await self._apply(connection, commits)
        except (Superseded, ProjectionStopped):
            raise
        except Exception as fault:
            if passes_by_itself(fault):
                raise
            await self._take_up_to_refused(connection, commits, fault)

    async def _apply(self, connection: AsyncConnection[Any], commits: Sequence[Commit]) -> int:
        """In one statement where the batch is small, else in a transaction."""
        at, projection, schema = self.position, self._projection, self._schema
        if len(commits) <= LIVE_COMMITS_MAX and isinstance(projection, WritesRows):
            try:
                reached = await apply_live(
                    connection, projection, schema, commits, position=at, known=self._known
                )
            except BaseException:
                self._known.forget()
                raise
            if reached is not None:
                return reached
        self._known.forget()
        return await apply_batch(connection, projection, schema, at, commits)

    async def _take_up_to_refused(
        self, connection: AsyncConnection[Any], commits: Sequence[Commit], fault: Exception
    ) -> None:
        """Goes through a refused batch one by one, so that the very commit is named and all before it are applied."""
        if len(commits) > 1:
            for commit in commits:
                await self._take(connection, [commit])
            return
        message = f"commit {commits[0].position} on {commits[0].stream} cannot be applied: {fault}"
        raise CommitRefused(self._projection.name, self.position, message) from fault


def passes_by_itself(fault: Exception) -> bool:
    """Whether trying again can help: Postgres or the log is away, or another runner was faster."""
    if isinstance(fault, psycopg.errors.ProgramLimitExceeded):  # Such as a value too long for its index.
        return False
    return isinstance(fault, psycopg.OperationalError | psycopg.InterfaceError | LogUnavailable | Superseded)


async def connect(dsn: str, application: str) -> AsyncConnection[Any]:
    """A connection that writes projections: autocommit, so that every batch opens a transaction of its own."""
    connection = await AsyncConnection.connect(
        dsn, autocommit=True, connect_timeout=5, application_name=application, options=OPTIONS
    )
    keep_json_as_bytes(connection)
    return connection


async def try_lock(connection: AsyncConnection[Any], schema: str) -> bool:
    """Whether this connection may work on the schema, from now until it closes."""
    found = await connection.execute(b"SELECT pg_try_advisory_lock(%s, hashtext(%s))", (LOCK_CLASS, schema))
    row = await found.fetchone()
    assert row is not None
    return bool(row[0])


async def enter(connection: AsyncConnection[Any], schema: str) -> int:
    """Makes the schema the connection's search path, and returns how often it has been replaced by a rebuild."""
    found = await connection.execute(
        b"SELECT set_config('search_path', schema, false), rebuilds FROM projections.position WHERE schema = %s",
        (schema,),
    )
    row = await found.fetchone()
    assert row is not None
    return int(row[1])
