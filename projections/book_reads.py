"""What an operator asks of the books: whom a cargo or an island touched, and whether everything adds up.

Used by the audit routes and by health. Nothing here is kept up for these questions alone: they are rare, so they read
the tables of the `jobs` and `ledger` projections. Statements: `book_reads.sql`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from psycopg.rows import class_row

from domain.ids import AccountId, CargoSlug, IslandId, JobId
from domain.job_state import Phase
from projections import named_sql
from projections.read_model import ReadModel, ReadPool

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))
SETTLING_LAG_MS: Final = 60_000  # How long credits may be on their way before something is wrong.
FAULTS_LISTED_MAX: Final = 100

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """Attempts that were assigned in `[since_ms, until_ms)`: of this artifact, on this island, or both."""

    artifact_digest: str | None
    island_id: IslandId | None
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchedJob:
    """A job within a blast radius. `settlement` is the address of its charge, None where nothing was charged.

    `output_last` is the position of the last message of its output; `created_position` resumes the list.
    """

    job_id: JobId
    account_id: AccountId
    cargo_slug: CargoSlug
    cargo_version: str
    artifact_digest: str
    state: Phase
    submitted_at_ms: int
    output_digest: str | None
    output_bytes: int | None
    output_last: int | None
    charged_micro: int
    refunded_micro: int
    settlement: str | None
    islands: list[IslandId]
    created_position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The digest over `entries` entries, the last of them at `position` of the log."""

    entries: int
    digest: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was found when the whole ledger was added up. Every mapping is empty in books that are right."""

    sum_micro: int
    unexplained_micro: dict[str, int]
    held_for_ended_jobs_micro: dict[str, int]
    uncleared_micro: dict[str, int]
    chain: Chain | None

    @property
    def is_right(self) -> bool:
        faults = (self.unexplained_micro, self.held_for_ended_jobs_micro, self.uncleared_micro)
        return self.sum_micro == 0 and not any(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    amount_micro: int
    moved_at_ms: int


class BookReads:
    """Every method raises what `ReadModel` does while Postgres is away."""

    def __init__(self, pool: ReadPool) -> None:
        self._pool = pool
        self._reads = ReadModel(pool)

    async def touched(self, touch: Touch, *, after: int, limit: int) -> list[TouchedJob]:
        """Some jobs behind a position, oldest first."""
        return await self._rows(
            TouchedJob,
            "touched",
            artifact_digest=touch.artifact_digest,
            island_id=touch.island_id,
            since_ms=touch.since_ms,
            until_ms=touch.until_ms,
            after=after,
            limit=limit,
        )

    async def chain(self) -> Chain | None:
        """None while there is no entry."""
        rows = await self._rows(Chain, "chain")
        return rows[0] if rows else None

    async def prove(self, now_ms: int) -> Proof:
        """Adds up the whole ledger. Reads every entry."""
        settled = {"before_ms": now_ms - SETTLING_LAG_MS, "limit": FAULTS_LISTED_MAX}
        return Proof(
            sum_micro=await self._reads.ledger_sum(),
            unexplained_micro=await self._reads.unexplained_balances(),
            held_for_ended_jobs_micro=await self._amounts("holds_of_ended_jobs", **settled),
            uncleared_micro=await self._amounts("uncleared_jobs", **settled),
            chain=await self.chain(),
        )

    async def is_cleared(self, now_ms: int) -> bool:
        """Whether nothing waits in clearing, or something has moved there not long ago. Reads one balance."""
        rows = await self._rows(Clearing, "clearing")
        return all(not row.amount_micro or now_ms - row.moved_at_ms < SETTLING_LAG_MS for row in rows)

    async def _rows(self, kind: type[R], name: str, **values: Any) -> list[R]:
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(kind)) as cursor,
        ):
            await cursor.execute(SQL[name], values)
            return await cursor.fetchall()

    async def _amounts(self, name: str, **values: Any) -> dict[str, int]:
        async with self._pool.connection() as connection:
            return dict(await (await connection.execute(SQL[name], values)).fetchall())
