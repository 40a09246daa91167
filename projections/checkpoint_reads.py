"""Signed checkpoints for whoever asks for proofs. Used by the routes of proofs and case files.

Statements: `checkpoint_reads.sql`. Rows are the ones that the `checkpoints` projection folds.
"""

from pathlib import Path
from typing import Any, Final

from projections import named_sql
from projections.checkpoints import CHECKPOINTS, CheckpointRow
from projections.read_model import ReadPool

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))


class CheckpointReads:
    """Every method raises what `ReadModel` does while Postgres is away."""

    def __init__(self, pool: ReadPool) -> None:
        self._pool = pool

    async def newest(self) -> CheckpointRow | None:
        """None before the first one is signed."""
        return await self._one("newest")

    async def of_size(self, tree_size: int) -> CheckpointRow | None:
        """The checkpoint over exactly so many commits."""
        return await self._one("of_size", tree_size=tree_size)

    async def first_over(self, position: int) -> CheckpointRow | None:
        """The first one that covers a position; None while none does."""
        return await self._one("first_over", position=position)

    async def _one(self, name: str, **values: Any) -> CheckpointRow | None:
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=CHECKPOINTS.row_factory) as cursor,
        ):
            await cursor.execute(SQL[name], values)
            return await cursor.fetchone()
