"""The archive: every commit of the log a second time, in PostgreSQL, as the very bytes that the log holds.

Filled by `api/archiving.py`, read by `archipelago audit restore` and by the check "archive". Rows are only ever added:
the database refuses to change, remove or empty them, and a commit that does not follow the last one is refused.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.advisory_locks import AdvisoryLock
from commands.raw_commit import RawCommit

SCHEMA: Final = """
create schema if not exists archive;
create table if not exists archive.commit_archive (
    position bigint primary key, subject text not null, headers text not null, body bytea not null,
    recorded_at_ms bigint not null
);
create or replace function archive.refuse() returns trigger language plpgsql as
    $$ begin raise exception 'archive.commit_archive: rows are only ever added'; end $$;
create or replace trigger only_added before update or delete or truncate on archive.commit_archive
    for each statement execute function archive.refuse();
"""
LAST: Final = "select coalesce(max(position), 0) from archive.commit_archive"
EXISTS: Final = "select to_regclass('archive.commit_archive')"
ROWS: Final = """
select position, subject, headers, body, recorded_at_ms from archive.commit_archive
where position > %s and position <= %s order by position
"""
COPY: Final = "copy archive.commit_archive from stdin"
ROWS_AT_ONCE: Final = 500


class ArchiveBroken(Exception):
    """What should be added does not follow what is there. The text names both positions."""


class CommitArchive:
    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self._pool = pool

    async def create(self) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(%s)", (AdvisoryLock.ARCHIVE_TABLES,))
            await connection.execute(SCHEMA)

    async def last_position(self) -> int:
        """0 while it is empty."""
        async with self._pool.connection() as connection:
            return await last_of(connection)

    async def add(self, commits: Sequence[RawCommit]) -> None:
        """All of them or none. Raises `ArchiveBroken` where they do not follow what is there."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(%s)", (AdvisoryLock.ARCHIVE_TABLES,))
            position = await last_of(connection)
            async with connection.cursor() as cursor, cursor.copy(COPY) as copy:
                for commit in commits:
                    if commit.position != position + 1:
                        raise ArchiveBroken(f"position {position + 1} is missing: {commit.position} came")
                    position = commit.position
                    await copy.write_row(row_of(commit))


async def last_of(connection: "AsyncConnection[Any]") -> int:
    found = await (await connection.execute(LAST)).fetchone()
    assert found is not None
    return int(found[0])


async def archived_up_to(dsn: str) -> int | None:
    """The last position of the archive in that database, None where it has none. Raises `psycopg.Error`."""
    async with await AsyncConnection.connect(dsn) as connection:
        found = await (await connection.execute(EXISTS)).fetchone()
        return None if found is None or found[0] is None else await last_of(connection)


async def read_archive(dsn: str, *, after: int, up_to: int) -> AsyncIterator[Sequence[RawCommit]]:
    """Batches of commits in order, as they stand there. Raises `psycopg.Error`."""
    async with (
        await AsyncConnection.connect(dsn) as connection,
        connection.cursor("archive", row_factory=psycopg.rows.tuple_row) as cursor,
    ):
        cursor.itersize = ROWS_AT_ONCE
        await cursor.execute(ROWS, (after, up_to))
        while rows := await cursor.fetchmany(ROWS_AT_ONCE):
            yield [commit_of(row) for row in rows]


def row_of(commit: RawCommit) -> tuple[Any, ...]:
    headers = msgspec.json.encode(dict(commit.headers)).decode()
    return commit.position, commit.subject, headers, commit.body, commit.recorded_at_ms


def commit_of(row: tuple[Any, ...]) -> RawCommit:
    position, subject, headers, body, recorded_at_ms = row
    return RawCommit(
        position=position,
        subject=subject,
        headers=msgspec.json.decode(headers, type=dict[str, str]),
        body=bytes(body),
        recorded_at_ms=recorded_at_ms,
    )
