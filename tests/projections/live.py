"""Support for tests of the read side: bring projections up to a history, read them, and fold without a database."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from commands.event_log import Commit
from projections.contract import Projection, apply_batch, live_schema
from projections.migrations import prepare
from projections.read_model import ReadModel, read_pool
from projections.registry import PROJECTIONS
from projections.runner import connect

R = TypeVar("R")


def folded(row_after: Callable[[R | None, Any, int], R | None], *events: Any) -> R:
    """The row after these events at positions 1, 2, 3 and so on."""
    row: R | None = None
    for position, event in enumerate(events, start=1):
        row = row_after(row, event, position)
    assert row is not None
    return row


async def catch_up(dsn: str, projection: Projection, commits: Sequence[Commit], *, batch: int = 1_000) -> int:
    """Applies what the live projection has not seen yet; returns where it stands then."""
    schema = live_schema(projection)
    async with await connect(dsn, "test") as connection:
        position = await prepare(connection, projection, schema)
        while position < len(commits):
            due = commits[position : position + batch]
            position = await apply_batch(connection, projection, schema, position, due)
    return position


@asynccontextmanager
async def reading(
    dsn: str, commits: Sequence[Commit] = (), projections: Iterable[Projection] = PROJECTIONS
) -> AsyncIterator[ReadModel]:
    """The read model of a network to which just this has happened."""
    for projection in projections:
        await catch_up(dsn, projection, commits)
    async with read_pool(dsn, size=2) as pool:
        yield ReadModel(pool)
