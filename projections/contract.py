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

_ENTER: Final = b"SELECT set_config('search_path', %s, true)"
_MOVE: Final = b"""
UPDATE projections.position SET position = %s, moved_at = now() WHERE schema = %s AND position = %s RETURNING position
"""
_TELL: Final = b"SELECT pg_notify(%s, %s)"


class Projection(Protocol):
    """One read model. Every `version` has a schema of its own, so that an old one and a new one can live side by side.

    `migrations` make the tables, in order, each only adding to the former. `tables` names every table with its key
    columns: that order makes two copies comparable.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

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
    reached = commits[-1].position
    async with connection.transaction():
        await connection.execute(_ENTER, (schema,))
        moved = await connection.execute(_MOVE, (reached, schema, position))
        if await moved.fetchone() is None:
            raise Superseded(f"projection {projection.name} is no longer at position {position}")
        await projection.apply(connection, commits)
        if schema == live_schema(projection):
            await connection.execute(_TELL, (CHANNEL, f"{projection.name} {reached}"))
    return reached
