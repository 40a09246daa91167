"""What jobs wait for, cargo by cargo. Used where islands are told what to have at hand.

Statement: `demand_reads.sql`. It reads the live projections `jobs`, `cargos`, `placement` and `exchange`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
from psycopg.rows import dict_row

from domain.cargo_spec import CargoVersion
from domain.demand import Demand
from domain.exchange import RATE_VALID_MS
from projections import named_sql
from projections.placement import ISLANDS, IslandRow
from projections.read_model import ReadPool

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))
CARGOS_MAX: Final = 100  # The most wanted ones.
CARGO: Final = msgspec.json.Decoder(CargoVersion)


class DemandReads:
    """Raises what `ReadModel` does while Postgres is away."""

    def __init__(self, pool: ReadPool) -> None:
        self._pool = pool

    async def demands(self, now_ms: int) -> list[Demand]:
        """Every cargo that jobs wait for, the most wanted first; at most `CARGOS_MAX`."""
        values = {"limit": CARGOS_MAX, "since": now_ms - RATE_VALID_MS}
        async with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(SQL["demands"], values)
            return [demand_of(row) for row in await cursor.fetchall()]

    async def island(self, host_id: str) -> IslandRow | None:
        """By its id, or by the name that an island with a password has for itself."""
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=ISLANDS.table.row_factory) as cursor,
        ):
            await cursor.execute(SQL["island"], {"host_id": host_id})
            return await cursor.fetchone()


def demand_of(row: dict[str, Any]) -> Demand:
    spec = replace(CARGO.decode(row["cargo"]).spec, trust_level=row["trust_level"])
    return Demand(
        cargo=spec,
        queued=row["queued"],
        warm_free_slots=row["warm_free_slots"],
        rate_micro=row["rate_micro"] or spec.price_micro,
    )
