"""The smallest projection there is: how many events each stream has. For tests of everything that runs projections."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg

from commands.event_log import Commit
from projections.contract import Transaction


@dataclass(frozen=True)
class Ticked:
    """`note` is `poison` for an event that the table refuses."""

    note: str = ""


@dataclass(frozen=True)
class Ignored:
    pass


class Tally:
    name = "tally"
    version = 1
    concerns: frozenset[type] = frozenset({Ticked})
    migrations: Sequence[bytes] = (b"CREATE TABLE tally (stream text PRIMARY KEY, events bigint NOT NULL)",)
    tables: Mapping[str, tuple[str, ...]] = {"tally": ("stream",)}

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        counts = Counter(commit.stream for commit in commits for _ in commit.events)
        if any(event == Ticked("poison") for commit in commits for event in commit.events):
            await tx.execute("INSERT INTO tally VALUES ('poison', NULL)")
        async with tx.cursor() as cursor:
            await cursor.executemany(
                "INSERT INTO tally VALUES (%s, %s) "
                "ON CONFLICT (stream) DO UPDATE SET events = tally.events + EXCLUDED.events",
                sorted(counts.items()),
            )


def tallied(dsn: str) -> dict[str, int]:
    """What the live projection has counted."""
    with psycopg.connect(dsn) as connection:
        return dict(connection.execute("SELECT stream, events FROM tally_v1.tally").fetchall())


def standing(dsn: str) -> int:
    """The live projection's position."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT position FROM projections.position WHERE schema = 'tally_v1'")
        row = found.fetchone()
        assert row is not None
        return int(row[0])
