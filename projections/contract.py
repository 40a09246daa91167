"""What a projection is, and the one transaction in which it takes a batch of commits.

A projection turns commits into rows. Its position lives in the same transaction as its rows and moves by
compare-and-set, so every commit counts exactly once whatever dies and whenever. Nothing is skipped: a gap in the log
and a commit that cannot be applied stop it, loudly. Callers: `runner` (live) and `rebuild` (beside the live one).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from psycopg import AsyncConnection

from commands.event_log import Commit

CHANNEL: Final = "projection"  # NOTIFY payload: `<name> <position>`, at most one a batch.

Transaction = AsyncConnection[Any]

# One statement moves the position, picks the schema for the rest of the transaction and tells listeners at its end.
_MOVE: Final = b"""
UPDATE projections.position SET position = %(reached)s, moved_at = now()
WHERE schema = %(schema)s AND position = %(position)s
RETURNING set_config('search_path', schema, true), CASE WHEN %(is_live)s THEN pg_notify(%(channel)s, %(news)s) END
"""


class Projection(Protocol):
    """One read model. Every `version` has a schema of its own, so that an old one and a new one can live side by side.

    `concerns` are the types of the events it reads; a batch without any only moves the position. `migrations` make the
    tables, in order, each only adding to the former. `tables` names every table with its key columns: that order makes
    two copies comparable.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def concerns(self) -> frozenset[type]: ...

    @property
    def migrations(self) -> Sequence[bytes]: ...

    @property
    def tables(self) -> Mapping[str, tuple[str, ...]]: ...

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        """Writes what the commits mean, in tables named without a schema. The same commits, the same rows."""
        ...


class Superseded(Exception):
    """Another runner has moved the position. Step aside and read the position again."""


class ProjectionStopped(Exception):
    """The projection stands still until somebody acts. `position` is the last one that was applied."""

    def __init__(self, name: str, position: int, message: str) -> None:
        super().__init__(f"projection {name} stopped behind position {position}: {message}")
        self.name = name
        self.position = position


class Gap(ProjectionStopped):
    """The next commit is missing. Reading the log again from `position` must show it."""


class CommitRefused(ProjectionStopped):
    """One commit cannot be applied. The cause is chained; after a repair the projection goes on by itself."""


def live_schema(projection: Projection) -> str:
    """The Postgres schema that readers look into."""
    return f"{projection.name}_v{projection.version}"


def check_sequence(name: str, position: int, commits: Sequence[Commit]) -> None:
    """Raises `Gap` unless the commits follow `position` without a hole."""
    for expected, commit in enumerate(commits, start=position + 1):
        if commit.position != expected:
            raise Gap(name, position, f"commit {expected} was expected, {commit.position} came")


async def apply_batch(
    connection: Transaction, projection: Projection, schema: str, position: int, commits: Sequence[Commit]
) -> int:
    """Applies all of the commits or nothing, and returns the new position.

    The connection must be in autocommit mode. Raises `Gap`, `Superseded`, and what the projection or Postgres raise.
    """
    if not commits:
        return position
    check_sequence(projection.name, position, commits)
    if not any(type(event) in projection.concerns for commit in commits for event in commit.events):
        return await move(connection, projection, schema, position, commits[-1].position)
    async with connection.transaction():
        reached = await move(connection, projection, schema, position, commits[-1].position)
        await projection.apply(connection, commits)
    return reached


async def move(
    connection: Transaction, projection: Projection, schema: str, position: int, reached: int
) -> int:
    """Moves the position on, if it still is where we left it."""
    moved = await connection.execute(
        _MOVE,
        {
            "reached": reached,
            "schema": schema,
            "position": position,
            "is_live": schema == live_schema(projection),
            "channel": CHANNEL,
            "news": f"{projection.name} {reached}",
        },
    )
    if await moved.fetchone() is None:
        raise Superseded(f"projection {projection.name} is no longer at position {position}")
    return reached
