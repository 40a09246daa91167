"""How far each projection has come, known without asking: one listening connection for the whole process.

Used by the API to let readers see what they wrote (`wait`) and to feed WebSockets (`subscribe`). Runners tell once a
batch; after a lost connection the positions are read again, so nothing is missed while Postgres was away.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import psycopg
from psycopg import AsyncConnection

from projections.contract import CHANNEL, Projection, live_schema
from projections.registry import PROJECTIONS

ALL: Final = "all"
RETRY_S: Final = 0.25
LOOKS_EVERY_S: Final = 30.0  # A connection that was cut without a word is found out by then.

_POSITIONS: Final = b"SELECT name, position FROM projections.position WHERE schema = ANY (%s)"
_HAS_POSITIONS: Final = b"SELECT to_regclass('projections.position') IS NOT NULL"

log = logging.getLogger(__name__)


class Subscription:
    """The newest position of each projection since the last look; a slow reader skips what has been overtaken."""

    def __init__(self) -> None:
        self._fresh: dict[str, int] = {}
        self._has_fresh = asyncio.Event()

    def tell(self, name: str, position: int) -> None:
        self._fresh[name] = position
        self._has_fresh.set()

    async def next(self) -> list[tuple[str, int]]:
        await self._has_fresh.wait()
        self._has_fresh.clear()
        fresh, self._fresh = self._fresh, {}
        return list(fresh.items())


class ProjectionProgress:
    """Use as `async with ProjectionProgress(dsn) as progress`. Postgres need not be there yet."""

    def __init__(self, dsn: str, projections: Sequence[Projection] = PROJECTIONS) -> None:
        self._dsn = dsn
        self._schemas = [live_schema(projection) for projection in projections]
        self._positions = {projection.name: 0 for projection in projections}
        self._moved = asyncio.Condition()
        self._subscriptions: set[Subscription] = set()
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._listening = asyncio.create_task(self._listen_forever())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listening is not None
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening

    def position(self, name: str = ALL) -> int:
        """Where a projection stands; for `all`, where the slowest does."""
        return min(self._positions.values()) if name == ALL else self._positions[name]

    async def wait(self, name: str, position: int, timeout_s: float) -> bool:
        """Whether the projection, or `all` of them, has come to `position` within the time."""
        if self.position(name) >= position:
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._moved:
                await self._moved.wait_for(lambda: self.position(name) >= position)
        return self.position(name) >= position

    async def subscribe(self) -> AsyncGenerator[tuple[str, int], None]:
        """Name and new position of every projection that moves from now on; each as often as the reader keeps up."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            while True:
                for name, position in await subscription.next():
                    yield name, position
        finally:
            self._subscriptions.discard(subscription)

    async def _listen_forever(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.OperationalError, psycopg.InterfaceError) as fault:
                log.warning("projection_progress_interrupted", extra={"error": str(fault)})
            await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        async with await AsyncConnection.connect(
            self._dsn, autocommit=True, connect_timeout=5, application_name="archipelago progress"
        ) as connection:
            await connection.execute(f"LISTEN {CHANNEL}".encode())
            while True:
                await self._look(connection)
                async for told in connection.notifies(timeout=LOOKS_EVERY_S):
                    name, _, position = told.payload.partition(" ")
                    await self._tell({name: int(position)})

    async def _look(self, connection: AsyncConnection[tuple[object, ...]]) -> None:
        """Reads the positions: a restarted Postgres may have lost the last ones, and then they count again."""
        exists = await (await connection.execute(_HAS_POSITIONS)).fetchone()
        if exists is None or not exists[0]:
            return
        found = await (await connection.execute(_POSITIONS, (self._schemas,))).fetchall()
        await self._tell({str(name): int(str(position)) for name, position in found})

    async def _tell(self, positions: dict[str, int]) -> None:
        moved = {name: at for name, at in positions.items() if self._positions.get(name, at) != at}
        self._positions |= moved
        for subscription in self._subscriptions:
            for name, position in moved.items():
                subscription.tell(name, position)
        async with self._moved:
            self._moved.notify_all()
