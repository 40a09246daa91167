"""Who the people behind accounts are: asked by the door of the API at every write, and by operators.

Statements: `people_reads.sql`, over the projections `accounts` and `people`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from psycopg.rows import dict_row

from domain.ids import AccountId
from projections import named_sql
from projections.people import PEOPLE, PersonRow
from projections.read_model import Page, ReadPool
from projections.revealing import Reveal, as_stored

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleCount:
    """Of all accounts. Whoever is banned is counted beside how far the identity was checked."""

    total: int
    unverified: int
    pending: int
    verified: int
    banned: int


class PeopleReads:
    """Every method raises what `ReadModel` does while Postgres is away."""

    def __init__(self, pool: ReadPool, reveal: Reveal = as_stored) -> None:
        self._pool = pool
        self._reveal = reveal

    async def person(self, account_id: AccountId) -> PersonRow | None:
        """None where nothing is known but the account itself."""
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=PEOPLE.table.row_factory) as cursor,
        ):
            await cursor.execute(SQL["person"], {"account_id": account_id})
            rows = await cursor.fetchall()
        return next(iter(await self._reveal(rows)), None)

    async def account_ids(
        self, limit: int, offset: int, *, status: str | None = None, search: str = ""
    ) -> Page[AccountId]:
        """A page of accounts, newest first. `status`: unverified, pending, verified or banned; `search` is part of
        an account's id.
        """
        matching = {"status": status, "search": search}
        rows = await self._dicts("people", **matching, limit=limit, offset=offset)
        [total] = await self._dicts("people_total", **matching)
        return Page(rows=[AccountId(row["account_id"]) for row in rows], total=total["total"])

    async def count(self) -> PeopleCount:
        [row] = await self._dicts("count")
        return PeopleCount(**row)

    async def _dicts(self, name: str, **values: Any) -> list[dict[str, Any]]:
        async with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(SQL[name], values)
            return await cursor.fetchall()
