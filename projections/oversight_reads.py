"""What an operator asks about all islands, whoever owns them. Used by the admin routes.

Statements: `oversight_reads.sql`. Rows are the ones that the `placement` projection folds.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from projections import named_sql
from projections.placement import ISLANDS, IslandRow, IslandStatus
from projections.read_model import Page, ReadPool

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))


class OversightReads:
    """Every method raises what `ReadModel` does while Postgres is away."""

    def __init__(self, pool: ReadPool) -> None:
        self._pool = pool

    async def islands(
        self,
        limit: int,
        offset: int,
        *,
        statuses: Collection[IslandStatus] | None = None,
        is_verified: bool | None = None,
    ) -> Page[IslandRow]:
        """A page of the fleet, newest first; of those in any of `statuses`, of those verified or not, or of all."""
        wanted = None if statuses is None else [status.value for status in statuses]
        matching = {"statuses": wanted, "is_verified": is_verified}
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=ISLANDS.table.row_factory) as cursor,
        ):
            await cursor.execute(SQL["islands"], {**matching, "limit": limit, "offset": offset})
            rows = await cursor.fetchall()
        return Page(rows=rows, total=await self._count("islands_total", **matching))

    async def _count(self, name: str, **values: Any) -> int:
        async with self._pool.connection() as connection:
            [(count,)] = await (await connection.execute(SQL[name], values)).fetchall()
        return int(count)
