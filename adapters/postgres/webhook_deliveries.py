"""What webhooks are still to be told and what they were told, in PostgreSQL: a queue and a log in one table.

Filled by `api/webhook_queueing.py`, worked off by `api/webhook_sending.py`, read over `/webhooks`. A row names a fact
by its address and holds nothing of it: the body is made from the log when it is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.advisory_locks import AdvisoryLock

KEPT_MAX: Final = 1_000
"""Ended deliveries of one webhook that its owner can look at."""
SCHEMA: Final = """
create table if not exists webhook_delivery (
    webhook_id text not null, position bigint not null, index int not null, replay bigint not null,
    account_id text not null, event text not null, stream text not null, state text not null,
    attempts int not null default 0, next_at_ms bigint not null default 0, tried_at_ms bigint,
    status int, problem text,
    primary key (webhook_id, position, index, replay)
);
create index if not exists webhook_delivery_waiting on webhook_delivery (webhook_id, stream, position, index, replay)
    where state = 'waiting';
"""
QUEUE: Final = """
insert into webhook_delivery (webhook_id, position, index, replay, account_id, event, stream, state)
values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing
"""
DUE: Final = """
select * from (
    select distinct on (webhook_id, stream) * from webhook_delivery where state = 'waiting'
    order by webhook_id, stream, position, index, replay
) as first where next_at_ms <= %s order by next_at_ms, position limit %s
"""
TRIED: Final = """
update webhook_delivery set state = %s, attempts = attempts + 1, next_at_ms = %s, tried_at_ms = %s, status = %s,
    problem = %s
where webhook_id = %s and position = %s and index = %s and replay = %s
"""
MOVE: Final = "update webhook_delivery set state = %s, next_at_ms = 0 where webhook_id = %s and state = %s"
REMOVE: Final = "delete from webhook_delivery where webhook_id = %s"
WAITING: Final = (
    "select count(*) from webhook_delivery where webhook_id = %s and state in ('waiting', 'held')"
)
PAGE: Final = """
select * from webhook_delivery where webhook_id = %s
order by position desc, index desc, replay desc limit %s offset %s
"""
COUNT: Final = "select count(*) from webhook_delivery where webhook_id = %s"
PRUNE: Final = """
delete from webhook_delivery as old using (
    select webhook_id, position, index, replay, row_number() over (
        partition by webhook_id order by position desc, index desc, replay desc) as place
    from webhook_delivery where state in ('delivered', 'given_up')
) as ended
where ended.place > %s and old.webhook_id = ended.webhook_id and old.position = ended.position
    and old.index = ended.index and old.replay = ended.replay
"""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"  # It is sent as soon as those before it about the same thing are.
    HELD = "held"  # Its webhook is paused.
    DELIVERED = "delivered"  # The receiver answered with a status from 200 to 299.
    GIVEN_UP = "given_up"  # It failed as often as the rules allow; replay from its position.


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """`replay` is the position of the replay that asked for it, 0 for the first time. Times are Unix ms."""

    webhook_id: str
    position: int
    index: int
    replay: int
    account_id: str
    event: str
    stream: str
    state: str
    attempts: int = 0
    next_at_ms: int = 0
    tried_at_ms: int | None = None
    status: int | None = None
    problem: str | None = None

    @property
    def delivery_id(self) -> str:
        """The same at every attempt, so that a receiver knows a repetition."""
        again = f".{self.replay}" if self.replay else ""
        return f"{self.webhook_id}.{self.position}.{self.index}{again}"


class WebhookDeliveries:
    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self._pool = pool

    async def create(self) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(%s)", (AdvisoryLock.WEBHOOK_TABLES,))
            await connection.execute(SCHEMA)

    async def queue(self, deliveries: Sequence[Delivery]) -> None:
        """Adds those that are not there yet, all or none."""
        rows = [
            (
                one.webhook_id,
                one.position,
                one.index,
                one.replay,
                one.account_id,
                one.event,
                one.stream,
                one.state,
            )
            for one in deliveries
        ]
        async with (
            self._pool.connection() as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            await cursor.executemany(QUEUE, rows)

    async def due(self, now_ms: int, limit: int) -> list[Delivery]:
        """The first one about each thing of each webhook, where its time has come."""
        return await self._rows(DUE, (now_ms, limit))

    async def tried(
        self,
        one: Delivery,
        state: DeliveryState,
        *,
        now_ms: int,
        next_at_ms: int = 0,
        status: int | None = None,
        problem: str | None = None,
    ) -> None:
        address = (one.webhook_id, one.position, one.index, one.replay)
        await self._run(TRIED, (state, next_at_ms, now_ms, status, problem, *address))

    async def hold(self, webhook_id: str) -> None:
        await self._run(MOVE, (DeliveryState.HELD, webhook_id, DeliveryState.WAITING))

    async def release(self, webhook_id: str) -> None:
        await self._run(MOVE, (DeliveryState.WAITING, webhook_id, DeliveryState.HELD))

    async def remove(self, webhook_id: str) -> None:
        await self._run(REMOVE, (webhook_id,))

    async def waiting(self, webhook_id: str) -> int:
        """How many are still to be sent."""
        return await self._number(WAITING, webhook_id)

    async def page(self, webhook_id: str, limit: int, offset: int) -> tuple[list[Delivery], int]:
        """The newest first, and how many there are."""
        return await self._rows(PAGE, (webhook_id, limit, offset)), await self._number(COUNT, webhook_id)

    async def prune(self) -> None:
        """Keeps the newest `KEPT_MAX` ended ones of each webhook."""
        await self._run(PRUNE, (KEPT_MAX,))

    async def _run(self, statement: str, values: tuple[Any, ...]) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(statement.encode(), values)

    async def _rows(self, statement: str, values: tuple[Any, ...]) -> list[Delivery]:
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(Delivery)) as cursor,
        ):
            await cursor.execute(statement.encode(), values)
            return await cursor.fetchall()

    async def _number(self, statement: str, webhook_id: str) -> int:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(statement.encode(), (webhook_id,))).fetchone()
        assert row is not None
        return int(row[0])
