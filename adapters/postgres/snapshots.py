"""Snapshots of long-lived aggregates in PostgreSQL, one row each, written in the background.

Given to the `CommandHandler` by `api/coordinator.py`, which also runs the writer. Without the database, or with a row
that another version of the program wrote, there is no snapshot and the log is read from its beginning.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from importlib.resources import files
from typing import Any, Final, TypeVar

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.advisory_locks import AdvisoryLock
from commands.snapshots import Snapshot

S = TypeVar("S")

SCHEMA: Final = """
create table if not exists aggregate_snapshot (
    stream text primary key, program text not null, version bigint not null, events bigint not null,
    command_id text not null, state bytea not null
);
alter table aggregate_snapshot alter column state set storage external;
"""
NEWEST: Final = """
select version, events, command_id, state from aggregate_snapshot where stream = %s and program = %s
"""
KEEP: Final = """
insert into aggregate_snapshot as known values (%s, %s, %s, %s, %s, %s)
on conflict (stream) do update set program = excluded.program, version = excluded.version,
    events = excluded.events, command_id = excluded.command_id, state = excluded.state
where known.program <> excluded.program or known.version < excluded.version
"""
ANSWER_AWAITED_S: Final = 1.0
WAITING_MAX: Final = 64
"""Snapshots that wait to be written; of more than that the oldest are not."""

log = logging.getLogger(__name__)


class PostgresSnapshots:
    """Keeps `commands.snapshots.Snapshots`. `program` names what decides how a past becomes a state."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]], *, program: str) -> None:
        self._pool = pool
        self._program = program
        self._waiting: OrderedDict[str, Snapshot[Any]] = OrderedDict()
        self._is_waiting = asyncio.Event()

    async def create(self) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(%s)", (AdvisoryLock.SNAPSHOT_TABLES,))
            await connection.execute(SCHEMA)

    async def newest(self, stream: str, kind: type[S]) -> Snapshot[S] | None:
        try:
            async with asyncio.timeout(ANSWER_AWAITED_S), self._pool.connection() as connection:
                found = await connection.execute(NEWEST, (stream, self._program))
                row = await found.fetchone()
        except (TimeoutError, psycopg.Error) as fault:
            log.warning("snapshot_not_read", extra={"stream": stream, "reason": repr(fault)})
            return None
        if row is None:
            return None
        try:
            state = msgspec.msgpack.decode(row[3], type=kind)
        except msgspec.DecodeError:
            return None  # Written by another version of the libraries.
        return Snapshot(state=state, version=row[0], events=row[1], command_id=row[2])

    def keep(self, stream: str, snapshot: Snapshot[Any]) -> None:
        self._waiting[stream] = snapshot
        self._waiting.move_to_end(stream)
        while len(self._waiting) > WAITING_MAX:
            self._waiting.popitem(last=False)
        self._is_waiting.set()

    async def run(self) -> None:
        """Writes what is to be kept, one after the other, until cancelled."""
        while True:
            await self._is_waiting.wait()
            self._is_waiting.clear()
            while self._waiting:
                await self.write(*self._waiting.popitem(last=False))

    async def write(self, stream: str, snapshot: Snapshot[Any]) -> None:
        """Keeps a snapshot now. Raises what psycopg raises."""
        state = msgspec.msgpack.encode(snapshot.state)
        row = (stream, self._program, snapshot.version, snapshot.events, snapshot.command_id, state)
        async with self._pool.connection() as connection:
            await connection.execute(KEEP, row)


def program_digest() -> str:
    """SHA-256 over everything that decides what a past folds to: the domain, and how old events are lifted.

    A digest instead of a number to count up: forgetting that would give a wrong balance, and a snapshot too few costs a
    moment at the next start.
    """
    digest = hashlib.sha256()
    sources = [*files("domain").iterdir(), files("adapters") / "codec.py"]
    for source in sorted(sources, key=lambda one: one.name):
        if source.name.endswith(".py"):
            digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()
