"""The archive takes commits in order, gives them back byte by byte, and lets nobody change one."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.archive import ArchiveBroken, CommitArchive, archived_up_to, read_archive
from commands.raw_commit import RawCommit

COMMITS = [
    RawCommit(
        position=position,
        subject=f"evt.job.j-{position}",
        headers={"Command-Id": f"c-{position}", "Actor": "naïve"},
        body=b"\x00\xff\\N\t" + bytes([position % 256]),
        recorded_at_ms=1_800_000_000_000 + position,
    )
    for position in range(1, 1_201)
]


@pytest.fixture
async def archive(database: str) -> AsyncIterator[CommitArchive]:
    async with AsyncConnectionPool[AsyncConnection[Any]](
        database, min_size=1, max_size=2, open=False, kwargs={"autocommit": True}
    ) as pool:
        archive = CommitArchive(pool)
        await archive.create()
        yield archive


async def read(dsn: str, *, after: int = 0, up_to: int = 10_000) -> list[RawCommit]:
    return [commit async for batch in read_archive(dsn, after=after, up_to=up_to) for commit in batch]


async def test_commits_come_back_as_they_were(archive: CommitArchive, database: str) -> None:
    await archive.add(COMMITS[:3])
    await archive.add(COMMITS[3:])
    assert await archive.last_position() == len(COMMITS)
    assert await read(database) == COMMITS
    assert await read(database, after=5, up_to=7) == COMMITS[5:7]


async def test_a_commit_that_does_not_follow_is_refused_with_all_that_came_with_it(
    archive: CommitArchive,
) -> None:
    await archive.add(COMMITS[:2])
    with pytest.raises(ArchiveBroken, match="position 3 is missing: 4 came"):
        await archive.add(COMMITS[3:5])
    with pytest.raises(ArchiveBroken):
        await archive.add([COMMITS[2], COMMITS[4]])
    assert await archive.last_position() == 2


@pytest.mark.parametrize(
    "statement",
    [
        "update archive.commit_archive set subject = 'other'",
        "delete from archive.commit_archive",
        "truncate archive.commit_archive",
    ],
)
async def test_the_database_refuses_to_change_it(
    archive: CommitArchive, database: str, statement: str
) -> None:
    await archive.add(COMMITS[:2])
    with (
        psycopg.connect(database) as connection,
        pytest.raises(psycopg.errors.RaiseException, match="rows are only ever added"),
    ):
        connection.execute(statement.encode())
    assert await read(database) == COMMITS[:2]


async def test_a_database_without_one_says_so(database: str) -> None:
    assert await archived_up_to(database) is None
