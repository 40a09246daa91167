"""Pairing codes: six characters that an island shows and its owner types in, to say that they belong together.

Issued for the edge service and taken by the API's route, on whichever coordinator. A code lives ten minutes and works
once. A try is counted before the code is looked up and taken back when it was right, so guessing side by side gains
nothing: there are 32^6 codes, and five tries in ten minutes. Every statement touches a bounded number of rows.
"""

import secrets
from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.advisory_locks import AdvisoryLock
from domain.ids import AccountId, IslandId

ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # Nothing that is read as something else: no I, O, 0, 1.
CODE_CHARACTERS: Final = 6
LIFE_MS: Final = 10 * 60_000
WRONG_TRIES_MAX: Final = 5
TRIES_WINDOW_MS: Final = 10 * 60_000
DRAWS_MAX: Final = 8
EXPIRED_DELETED_MAX: Final = 100

SCHEMA: Final = """
create table if not exists pairing_code (
    island_id text primary key, code text not null unique, expires_at_ms bigint not null
);
create index if not exists pairing_code_age on pairing_code (expires_at_ms);
create table if not exists pairing_tries (
    account_id text primary key, tried_at_ms bigint[] not null, ends_at_ms bigint not null
);
create index if not exists pairing_tries_age on pairing_tries (ends_at_ms);
"""

FORGET_CODES: Final = """
delete from pairing_code where island_id in (
    select island_id from pairing_code where expires_at_ms <= %(now_ms)s
    limit %(most)s for update skip locked)
"""
FORGET_TRIES: Final = """
delete from pairing_tries where account_id in (
    select account_id from pairing_tries where ends_at_ms <= %(now_ms)s
    limit %(most)s for update skip locked)
"""
ISSUE: Final = """
insert into pairing_code as known values (%(island_id)s, %(code)s, %(expires_at_ms)s)
on conflict (island_id) do update set
    code = case when known.expires_at_ms <= %(now_ms)s then excluded.code else known.code end,
    expires_at_ms = case
        when known.expires_at_ms <= %(now_ms)s then excluded.expires_at_ms else known.expires_at_ms end
returning code, expires_at_ms
"""
COUNT_TRY: Final = """
insert into pairing_tries as known values (%(account_id)s, array[%(now_ms)s]::bigint[], %(ends_at_ms)s)
on conflict (account_id) do update set
    tried_at_ms = array(select t from unnest(known.tried_at_ms) t where t > %(since_ms)s order by t)
        || excluded.tried_at_ms,
    ends_at_ms = excluded.ends_at_ms
returning tried_at_ms
"""
TAKE: Final = "delete from pairing_code where code = %s and expires_at_ms > %s returning island_id"
UNCOUNT_TRY: Final = """
update pairing_tries set tried_at_ms = trim_array(tried_at_ms, 1) where account_id = %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingCode:
    code: str
    expires_at_ms: int


class TooManyTries(Exception):
    """The account has guessed too often. Nothing was looked up."""

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(f"at most {WRONG_TRIES_MAX} wrong codes in {TRIES_WINDOW_MS // 60_000} minutes")
        self.retry_after_ms = retry_after_ms


class PairingCodes:
    """Every method raises what psycopg raises while PostgreSQL is away. Times are Unix milliseconds."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self._pool = pool

    async def create(self) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(%s)", (AdvisoryLock.PAIRING_TABLES,))
            await connection.execute(SCHEMA)

    async def code_of(self, island_id: IslandId, *, now_ms: int) -> PairingCode:
        """The island's code in force, or a new one where it has none."""
        for _ in range(DRAWS_MAX):
            try:
                return await self._issue(island_id, drawn(), now_ms)
            except UniqueViolation:
                continue  # Another island's code by chance.
        raise RuntimeError("every drawn code is in use")

    async def _issue(self, island_id: IslandId, code: str, now_ms: int) -> PairingCode:
        values = {
            "island_id": island_id,
            "code": code,
            "expires_at_ms": now_ms + LIFE_MS,
            "now_ms": now_ms,
            "most": EXPIRED_DELETED_MAX,
        }
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(FORGET_CODES, values)
            found = await (await connection.execute(ISSUE, values)).fetchone()
        assert found is not None
        return PairingCode(code=found[0], expires_at_ms=found[1])

    async def take(self, code: str, account_id: AccountId, *, now_ms: int) -> IslandId | None:
        """The island that shows this code, which from now on nobody can use; None where none does.

        Raises `TooManyTries`.
        """
        values = {
            "account_id": account_id,
            "now_ms": now_ms,
            "since_ms": now_ms - TRIES_WINDOW_MS,
            "ends_at_ms": now_ms + TRIES_WINDOW_MS,
            "most": EXPIRED_DELETED_MAX,
        }
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(FORGET_TRIES, values)
            counted = await (await connection.execute(COUNT_TRY, values)).fetchone()
            assert counted is not None
            if len(counted[0]) > WRONG_TRIES_MAX:
                raise TooManyTries(counted[0][0] + TRIES_WINDOW_MS - now_ms)  # And the transaction is undone.
            found = await (await connection.execute(TAKE, (code, now_ms))).fetchone()
            if found is None:
                return None
            await connection.execute(UNCOUNT_TRY, (account_id,))
        return IslandId(found[0])


def drawn() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARACTERS))
