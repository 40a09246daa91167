"""The read side as the API and the CLI see it: typed rows for typed questions, from the live projections.

Nothing else reads the projections' tables. Rows are the ones that the projections fold; what a question means stands
with its statement in `read_model.sql`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from domain.cargo_spec import CargoSpec
from domain.ids import AccountId, CargoSlug, IslandId, JobId
from domain.job_state import Phase
from domain.placement import Offer
from projections import named_sql
from projections.accounts import ACCOUNTS, API_KEYS, AccountRow, ApiKeyRow
from projections.attempts import ATTEMPTS, AttemptRow
from projections.cargo_changes import CARGO_CHANGES, CargoChangeRow
from projections.cargos import CARGOS, CargoRow
from projections.exchange import RATES, RateRow
from projections.jobs import JOBS, JobRow
from projections.ledger import ENTRIES, EntryRow
from projections.market_rows import LEVELS_MAX, Book, HistoryStep, Level, MarketRow
from projections.placement import ISLANDS, IslandRow
from projections.registry import LIVE_SCHEMAS
from projections.revealing import Reveal, as_stored
from projections.table import Table, keep_json_as_bytes

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))
POOL_SIZE: Final = 8
POOL_WAIT_S: Final = 5.0  # A question that finds no free connection for so long is answered as unavailable.

R = TypeVar("R")

ReadPool = AsyncConnectionPool[AsyncConnection[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[R]):
    """Some rows, newest first, and how many there are on all pages."""

    rows: list[R]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRow:
    """Public numbers. `regions` are those of the islands online."""

    online_islands: int
    regions: tuple[str, ...]
    jobs_completed: int


def read_pool(dsn: str, *, size: int = POOL_SIZE) -> ReadPool:
    """A pool for `ReadModel`, not opened yet: use it as `async with`. It reads the live schemas and cannot write."""
    search_path = ",".join(LIVE_SCHEMAS)
    return AsyncConnectionPool(
        dsn,
        min_size=1,
        max_size=size,
        timeout=POOL_WAIT_S,
        open=False,
        configure=_configure,
        kwargs={
            "autocommit": True,
            "application_name": "archipelago reads",
            "connect_timeout": 5,
            "options": f"-c search_path={search_path} -c default_transaction_read_only=on",
        },
    )


async def _configure(connection: AsyncConnection[Any]) -> None:
    keep_json_as_bytes(connection)


class ReadModel:
    """Ids are opaque; somebody else's objects are found too, so the caller compares owners.

    Every method raises `psycopg_pool.PoolTimeout` or `psycopg.OperationalError` while Postgres is away.
    """

    def __init__(self, pool: ReadPool, reveal: Reveal = as_stored) -> None:
        self._pool = pool
        self._reveal = reveal

    async def job(self, job_id: JobId) -> JobRow | None:
        return await self._row(JOBS.table, "job", job_id=job_id)

    async def jobs(
        self,
        account_id: AccountId,
        states: Collection[Phase] | None = None,
        limit: int = 20,
        offset: int = 0,
        *,
        with_parts: bool = False,
        with_runs: bool = False,
    ) -> Page[JobRow]:
        """An account's jobs in any of `states`, or in all of them; those that are parts of a batch if asked for."""
        wanted = None if states is None else [state.value for state in states]
        matching = {
            "account_id": account_id,
            "states": wanted,
            "with_parts": with_parts,
            "with_runs": with_runs,
        }
        return await self._page(JOBS.table, "jobs", limit, offset, matching)

    async def parts(self, batch_id: JobId) -> list[JobRow]:
        """The parts of a batch that have become jobs, in the order of its inputs."""
        return await self._rows(JOBS.table, "parts", batch_id=batch_id)

    async def batch_changed(
        self, batch_id: JobId, after_position: int, limit: int, offset: int = 0
    ) -> list[JobRow]:
        """A batch and its parts as far as they changed behind a position, in the order of their last change."""
        return await self._rows(
            JOBS.table, "batch_changed", batch_id=batch_id, after=after_position, limit=limit, offset=offset
        )

    async def jobs_changed(self, account_id: AccountId, after_position: int, limit: int) -> list[JobRow]:
        """An account's jobs whose rows changed behind a position, in the order of their last change."""
        return await self._rows(
            JOBS.table, "jobs_changed", account_id=account_id, after=after_position, limit=limit
        )

    async def attempts(self, job_id: JobId) -> list[AttemptRow]:
        return await self._rows(ATTEMPTS.table, "attempts", job_id=job_id)

    async def cargos(self, limit: int = 20, offset: int = 0) -> Page[CargoRow]:
        return await self._page(CARGOS.table, "cargos", limit, offset, {})

    async def cargos_changed(self, after_position: int, limit: int) -> list[CargoRow]:
        return await self._rows(CARGOS.table, "cargos_changed", after=after_position, limit=limit)

    async def cargo(self, slug: CargoSlug) -> CargoRow | None:
        return await self._row(CARGOS.table, "cargo", slug=slug)

    async def cargo_of_number(self, number: int) -> CargoRow | None:
        return await self._row(CARGOS.table, "cargo_of_number", number=number)

    async def cargos_awaiting_review(self, limit: int) -> list[CargoRow]:
        """What staff have to look at, the longest waiting first."""
        return await self._rows(CARGOS.table, "cargos_awaiting_review", limit=limit)

    async def cargo_changes(self, slug: CargoSlug, limit: int) -> list[CargoChangeRow]:
        """The newest changes of a cargo's trust, newest first."""
        return await self._rows(CARGO_CHANGES, "cargo_changes", slug=slug, limit=limit)

    async def job_that_ran(self, account_id: AccountId, slug: CargoSlug) -> JobId | None:
        """The newest job of an account in which this cargo really ran."""
        found = await self._tuples("job_that_ran", account_id=account_id, slug=slug)
        return JobId(found[0][0]) if found else None

    async def islands(self, owner_id: AccountId, limit: int = 20, offset: int = 0) -> Page[IslandRow]:
        return await self._page(ISLANDS.table, "islands", limit, offset, {"owner_id": owner_id})

    async def islands_changed(self, owner_id: AccountId, after_position: int, limit: int) -> list[IslandRow]:
        return await self._rows(
            ISLANDS.table, "islands_changed", owner_id=owner_id, after=after_position, limit=limit
        )

    async def island(self, island_id: IslandId) -> IslandRow | None:
        return await self._row(ISLANDS.table, "island", island_id=island_id)

    async def offers(self) -> dict[IslandId, Offer]:
        """The whole fleet, exactly as the placing process sees it at this projection's position."""
        rows = await self._rows(ISLANDS.table, "fleet")
        return {row.island_id: row.offer for row in rows}

    async def network(self) -> NetworkRow:
        found = await self._dict("network")
        return NetworkRow(
            online_islands=found["online_islands"],
            regions=tuple(found["regions"]),
            jobs_completed=found["jobs_completed"],
        )

    async def account(self, account_id: AccountId) -> AccountRow | None:
        return await self._row(ACCOUNTS.table, "account", account_id=account_id)

    async def api_key_by_hash(self, sha256: str) -> ApiKeyRow | None:
        """The key in force whose secret has this hash. A revoked key is not found."""
        return await self._row(API_KEYS.table, "api_key_by_hash", sha256=sha256)

    async def api_keys(self, account_id: AccountId) -> list[ApiKeyRow]:
        """The account's keys in force, newest first."""
        return await self._rows(API_KEYS.table, "api_keys", account_id=account_id)

    async def entries(self, account_id: AccountId, after_position: int, limit: int) -> list[EntryRow]:
        """What was booked on an account's ledger accounts behind a position, oldest first.

        A commit is never cut in two, so there may be a few entries more than `limit`, and the last position resumes.
        """
        return await self._rows(ENTRIES, "entries", account_id=account_id, after=after_position, limit=limit)

    async def entries_of_job(self, job_id: JobId) -> list[EntryRow]:
        return await self._rows(ENTRIES, "entries_of_job", job_id=job_id)

    async def ledger_sum(self) -> int:
        """The sum of all entries in micro-credits: 0, or the books are broken."""
        return int(await self._value("ledger_sum"))

    async def balances(self) -> dict[str, int]:
        """Micro-credits by ledger account."""
        return dict(await self._tuples("balances"))

    async def unexplained_balances(self) -> dict[str, int]:
        """By ledger account, by how much its balance differs from the sum of its entries. Reads the whole ledger."""
        return dict(await self._tuples("unexplained_balances"))

    async def market(self, since_ms: int, limit: int) -> list[MarketRow]:
        """The newest cargos that can be run, with what was traded behind an instant."""
        islands = dict(await self._tuples("open_islands"))
        jobs = dict(await self._tuples("waiting_jobs"))
        return [
            MarketRow(**row, supply=islands.get(row["runtime"], 0), demand=jobs.get(row["slug"], 0))
            for row in await self._dicts("market", since=since_ms, limit=limit)
        ]

    async def last_trade(self, slug: CargoSlug, since_ms: int) -> RateRow | None:
        """The last window behind an instant in which a cargo was traded."""
        return await self._row(RATES, "last_trade", slug=slug, since=since_ms)

    async def last_windows(self, slug: CargoSlug | None, limit: int, offset: int) -> list[RateRow]:
        """The newest window of one cargo, or of each, by slug."""
        return await self._rows(RATES, "last_windows", slug=slug, limit=limit, offset=offset)

    async def windows_behind(self, slug: CargoSlug | None, after_position: int, limit: int) -> list[RateRow]:
        """The windows of one cargo, or of all, that were written down behind a position, in its order."""
        return await self._rows(RATES, "windows_behind", slug=slug, after=after_position, limit=limit)

    async def rate_history(self, slug: CargoSlug, since_ms: int, step_ms: int) -> list[HistoryStep]:
        found = await self._dicts("rate_history", slug=slug, since=since_ms, step=step_ms)
        return [HistoryStep(**row) for row in found]

    async def book(self, cargo: CargoSpec) -> Book:
        """Who offers and who waits for a cargo, by price."""
        wanted = {"slug": cargo.slug, "runtime": cargo.runtime, "price_micro": cargo.price_micro}
        asks = await self._dicts("asks_of_cargo", **wanted, limit=LEVELS_MAX)
        bids = await self._dicts("bids_for_cargo", slug=cargo.slug, limit=LEVELS_MAX)
        return Book(asks=tuple(Level(**row) for row in asks), bids=tuple(Level(**row) for row in bids))

    async def positions(self) -> dict[str, int]:
        """How far each live projection has come."""
        return dict(await self._tuples("positions", schemas=list(LIVE_SCHEMAS)))

    async def _row(self, table: Table[R], name: str, **values: Any) -> R | None:
        rows = await self._rows(table, name, **values)
        return rows[0] if rows else None

    async def _rows(self, table: Table[R], name: str, **values: Any) -> list[R]:
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=table.row_factory) as cursor,
        ):
            await cursor.execute(SQL[name], values)
            rows = await cursor.fetchall()
        return await self._reveal(rows)

    async def _page(
        self, table: Table[R], name: str, limit: int, offset: int, matching: Mapping[str, Any]
    ) -> Page[R]:
        rows = await self._rows(table, name, limit=limit, offset=offset, **matching)
        return Page(rows=rows, total=int(await self._value(f"{name}_total", **matching)))

    async def _tuples(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        async with self._pool.connection() as connection:
            return await (await connection.execute(SQL[name], values)).fetchall()

    async def _value(self, name: str, **values: Any) -> Any:
        [(value,)] = await self._tuples(name, **values)
        return value

    async def _dict(self, name: str) -> dict[str, Any]:
        [found] = await self._dicts(name)
        return found

    async def _dicts(self, name: str, **values: Any) -> list[dict[str, Any]]:
        async with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(SQL[name], values)
            return await cursor.fetchall()
