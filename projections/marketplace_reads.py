"""What the marketplace asks of the read side: cargos by category and words, ratings, reviews, submissions.

Used by the API's marketplace routes. Statements: `marketplace_reads.sql`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from domain.ids import AccountId, CargoSlug, JobId
from domain.submission import OPEN, SubmissionStatus
from projections import named_sql
from projections.cargos import CARGOS, CargoRow
from projections.read_model import Page, ReadPool
from projections.revealing import Reveal, as_stored
from projections.reviews import RATINGS, REVIEWS, RatingRow, ReviewRow
from projections.submissions import SUBMISSIONS, SubmissionRow
from projections.table import Table

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))
CATEGORIES_LISTED_MAX: Final = 200

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerJob:
    """A job in which a cargo really ran for an account."""

    job_id: JobId
    has_succeeded: bool


class MarketplaceReads:
    """Raises `psycopg_pool.PoolTimeout` or `psycopg.OperationalError` while Postgres is away."""

    def __init__(self, pool: ReadPool, reveal: Reveal = as_stored) -> None:
        self._pool = pool
        self._reveal = reveal

    async def listed(self, category: str | None, search: str, limit: int, offset: int = 0) -> Page[CargoRow]:
        """Cargos that can be run. Each word of `search` must occur in a text of the publisher, whatever its case."""
        matching = {"category": category, "words": search.lower().split()}
        return await self._page(CARGOS.table, "listed", limit, offset, **matching)

    async def categories(self) -> list[tuple[str, int]]:
        """The categories in use, and how many cargos each has."""
        found = await self._tuples("categories", limit=CATEGORIES_LISTED_MAX)
        return [(category, count) for category, count in found]

    async def ratings(self, slugs: Collection[CargoSlug]) -> Mapping[CargoSlug, RatingRow]:
        """Those of the cargos that were ever reviewed."""
        rows = await self._rows(RATINGS.table, "ratings", slugs=list(slugs))
        return {row.slug: row for row in rows}

    async def reviews(self, slug: CargoSlug, limit: int, offset: int = 0) -> Page[ReviewRow]:
        return await self._page(REVIEWS.table, "reviews", limit, offset, slug=slug)

    async def flagged(self, limit: int, offset: int = 0) -> Page[ReviewRow]:
        """Reviews that staff have to look at."""
        return await self._page(REVIEWS.table, "flagged", limit, offset)

    async def review(self, number: int) -> ReviewRow | None:
        rows = await self._rows(REVIEWS.table, "review", number=number)
        return rows[0] if rows else None

    async def submissions(
        self, account_id: AccountId | None, status: SubmissionStatus | None, limit: int, offset: int = 0
    ) -> Page[SubmissionRow]:
        """Those of one account, or of all."""
        matching = {"account_id": account_id, "status": status}
        return await self._page(SUBMISSIONS.table, "submissions", limit, offset, **matching)

    async def submissions_pending(self, limit: int, offset: int = 0) -> Page[SubmissionRow]:
        """Those that staff have to decide on."""
        return await self._page(SUBMISSIONS.table, "submissions_pending", limit, offset)

    async def submissions_open(self, account_id: AccountId, limit: int) -> list[SubmissionRow]:
        """Those of an account that may still become a cargo, oldest first."""
        wanted = {"open": [status.value for status in OPEN], "limit": limit}
        return await self._rows(SUBMISSIONS.table, "submissions_open", account_id=account_id, **wanted)

    async def job_of_customer(self, account_id: AccountId, slug: CargoSlug) -> CustomerJob | None:
        """The best evidence that an account has used a cargo."""
        found = await self._tuples("job_of_customer", account_id=account_id, slug=slug)
        return CustomerJob(job_id=JobId(found[0][0]), has_succeeded=found[0][1]) if found else None

    async def _rows(self, table: Table[R], name: str, **values: Any) -> list[R]:
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=table.row_factory) as cursor,
        ):
            await cursor.execute(SQL[name], values)
            rows = await cursor.fetchall()
        return await self._reveal(rows)

    async def _page(self, table: Table[R], name: str, limit: int, offset: int, **matching: Any) -> Page[R]:
        rows = await self._rows(table, name, limit=limit, offset=offset, **matching)
        [(total,)] = await self._tuples(f"{name}_total", **matching)
        return Page(rows=rows, total=int(total))

    async def _tuples(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        async with self._pool.connection() as connection:
            return await (await connection.execute(SQL[name], values)).fetchall()
