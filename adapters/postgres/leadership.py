"""One coordinator at a time runs the processes; the others wait, and one takes over at once when it dies.

An advisory lock on a connection of its own: the database lets go of it when the holder's connection ends, however it
ends. Leading is an economy, not a safety: two leaders would only lose races (expected versions, compared positions).
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection

from adapters.postgres.advisory_locks import AdvisoryLock

STANDBY_LOOK_S: Final = 0.5
HOLDER_LOOK_S: Final = 2.0
RETRY_S: Final = 0.5

log = logging.getLogger(__name__)


class Leadership:
    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.is_leader = False

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Runs `lead` whenever this process holds the lock, until cancelled. Raises what `lead` raises."""
        while True:
            try:
                async with await AsyncConnection.connect(self._dsn, autocommit=True) as connection:
                    await self._become_leader(connection)
                    await self._lead_while_connected(connection, lead)
            except psycopg.OperationalError as fault:
                log.warning("leadership_interrupted", extra={"error": repr(fault)})
            finally:
                self.is_leader = False
            await asyncio.sleep(RETRY_S)

    async def _become_leader(self, connection: AsyncConnection[Any]) -> None:
        while True:
            found = await connection.execute("select pg_try_advisory_lock(%s)", (AdvisoryLock.LEADERSHIP,))
            row = await found.fetchone()
            if row is not None and row[0]:
                self.is_leader = True
                log.info("leadership_taken")
                return
            await asyncio.sleep(STANDBY_LOOK_S)

    async def _lead_while_connected(
        self, connection: AsyncConnection[Any], lead: Callable[[], Awaitable[None]]
    ) -> None:
        leading = asyncio.ensure_future(lead())
        try:
            while not leading.done():
                await asyncio.wait([leading], timeout=HOLDER_LOOK_S)
                await connection.execute("select 1")
            leading.result()
        finally:
            leading.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await leading
