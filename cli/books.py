"""The books of a network as they can be checked from outside: log and database read directly, past the coordinator.

Used by `archipelago projections` and by the demo. Every failure to reach a server is a `CommandFailed`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from nats.errors import Error as NatsError
from psycopg import OperationalError

from adapters.nats.connection import Access, connect
from adapters.nats.event_log import JetStreamEventLog
from cli.failure import CommandFailed, wrong_usage
from cli.terminal import note
from commands.event_log import LogUnavailable
from projections.read_model import ReadModel, read_pool
from projections.rebuild import Progress, RebuildBusy, Verified, rebuild, verify
from projections.registry import BY_NAME

CONNECT_S: Final = 5.0
PROGRESS_EVERY_S: Final = 1.0

Comparison = Callable[[JetStreamEventLog, str, str, Progress], Awaitable[Verified]]


class Books:
    """The log and the database of one network."""

    def __init__(self, log: Access, postgres_dsn: str) -> None:
        """`log` is a reader's access to it. Connects only when asked something."""
        self._access = log
        self._dsn = postgres_dsn

    async def verify(self, name: str = "") -> list[Verified]:
        """Compares one projection, or all, with what the log says. Raises CommandFailed."""
        return await self._compare(verify, name)

    async def rebuild(self, name: str = "") -> list[Verified]:
        """As `verify`, and the rebuilt rows take the place of the live ones. Raises CommandFailed."""
        return await self._compare(rebuild, name)

    async def ledger_sum_micro(self) -> int:
        """The sum of every entry ever booked, in micro-credits: 0, or the books are broken."""
        async with reached(), read_pool(self._dsn, size=1) as pool:
            return await ReadModel(pool).ledger_sum()

    async def events(self) -> int:
        """How many events the log holds."""
        async with reached(), self._log() as log:
            return sum([len(commit.events) async for commits in log.read(after=0) for commit in commits])

    @asynccontextmanager
    async def open_log(self) -> AsyncIterator[JetStreamEventLog]:
        """The log, for whoever reads it as it is. Raises CommandFailed."""
        async with reached(), self._log() as log:
            yield log

    async def _compare(self, comparison: Comparison, name: str) -> list[Verified]:
        try:
            async with reached(), self._log() as log:
                return [
                    await comparison(log, self._dsn, one, progress_of(one))
                    for one in ([name] if name else BY_NAME)
                ]
        except RebuildBusy as busy:
            raise CommandFailed(f"NAME: {busy}") from busy

    @asynccontextmanager
    async def _log(self) -> AsyncIterator[JetStreamEventLog]:
        async with asyncio.timeout(CONNECT_S):  # The connection itself would try for ever.
            client = await connect(self._access, "archipelago books")
        try:
            yield JetStreamEventLog(client)
        finally:
            await client.close()


@asynccontextmanager
async def reached() -> AsyncIterator[None]:
    """Turns silence of either server into a sentence."""
    try:
        yield
    except OperationalError as error:
        raise CommandFailed(
            f"database: cannot be reached: {error}".strip(),
            next_step="start it with `archipelago up`, or correct --postgres-dsn",
        ) from error
    except (NatsError, LogUnavailable, OSError) as error:
        raise CommandFailed(
            f"event log: cannot be reached: {error!r}",
            next_step="start it with `archipelago up`, or correct --nats-url and --nats-keys",
        ) from error


def check_name(name: str) -> None:
    """Raises CommandFailed for what is no projection; an empty name stands for all."""
    if name and name not in BY_NAME:
        raise wrong_usage("NAME", f"must be one of {', '.join(BY_NAME)}")


def progress_of(name: str) -> Progress:
    """Says now and then how far a long comparison has come; a short one says nothing."""
    said = time.monotonic()

    def say_now_and_then(position: int, last: int) -> None:
        nonlocal said
        if time.monotonic() - said >= PROGRESS_EVERY_S:
            said = time.monotonic()
            note(f"{name}: {position} of {last}")

    return say_now_and_then
