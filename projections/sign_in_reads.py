"""Sessions and e-mail addresses, as the door of the API asks for them. Statements: `sign_in_reads.sql`."""

from pathlib import Path
from typing import Any, Final, TypeVar

from domain.ids import AccountId
from projections import named_sql
from projections.read_model import ReadPool
from projections.revealing import Reveal, as_stored
from projections.sign_in_rows import EMAILS, SESSIONS, EmailRow, SessionRow
from projections.table import Table

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))
EMAILS_READ_MAX: Final = 10  # One, and during a change of it two.
SESSIONS_LISTED_MAX: Final = 100

R = TypeVar("R")


class SignInReads:
    """Every method raises what `ReadModel` does while Postgres is away."""

    def __init__(self, pool: ReadPool, reveal: Reveal = as_stored) -> None:
        self._pool = pool
        self._reveal = reveal

    async def session_by_hash(self, sha256: str) -> SessionRow | None:
        """The session with this secret that was not ended. It may have expired."""
        found = await self._rows(SESSIONS.table, "session_by_hash", sha256=sha256)
        return found[0] if found else None

    async def sessions(self, account_id: AccountId, *, now_ms: int) -> list[SessionRow]:
        """The newest open sessions of an account, at most `SESSIONS_LISTED_MAX`."""
        return await self._rows(
            SESSIONS.table, "sessions", account_id=account_id, now_ms=now_ms, limit=SESSIONS_LISTED_MAX
        )

    async def email(self, account_id: AccountId) -> EmailRow | None:
        """The address of an account, or None."""
        return next(iter(await self.emails(account_id)), None)

    async def emails(self, account_id: AccountId) -> list[EmailRow]:
        """Every address that signs in to the account, the one confirmed last first, at most `EMAILS_READ_MAX`."""
        return await self._rows(EMAILS.table, "emails", account_id=account_id, limit=EMAILS_READ_MAX)

    async def _rows(self, table: Table[R], name: str, **values: Any) -> list[R]:
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=table.row_factory) as cursor,
        ):
            await cursor.execute(SQL[name], values)
            rows = await cursor.fetchall()
        return await self._reveal(rows)
