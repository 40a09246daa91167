"""The facts about islands, read from the beginning and then followed. Feeds the books of the registrar and the door."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Final

from nats.aio.client import Client
from nats.errors import Error

from adapters import codec
from adapters.nats import subjects
from adapters.nats.replies import Unanswered, position_of, read_batches
from adapters.nats.tail import StreamTail
from registrar.island_books import IslandBooks

FACTS_OF_ISLANDS: Final = "evt.island.*"
RETRY_S: Final = 0.25

log = logging.getLogger(__name__)


class IslandFacts:
    def __init__(self, client: Client, books: IslandBooks) -> None:
        """`client` may read and follow `EVT`."""
        self._client = client
        self._books = books
        self._moved = asyncio.Condition()

    async def read(self) -> None:
        """All facts up to now, however long the server takes. Raises `Refused`, and `codec.Unknown` where this
        program is older than the log.
        """
        while True:
            try:
                await self._read_on()
                return
            except (Unanswered, Error) as fault:
                log.warning("facts_unread", extra={"error": repr(fault)})
            await asyncio.sleep(RETRY_S)

    async def _read_on(self) -> None:
        start = self._books.position + 1
        async for batch in read_batches(self._client, subjects.EVT, FACTS_OF_ISLANDS, start=start):
            for message in batch:
                self._books.take(position_of(message), codec.decode(message.data))

    async def follow(self) -> AsyncIterator[Sequence[str]]:
        """Every fact from there on, for ever: the islands that each has changed, once the books hold it."""
        tail = StreamTail(self._client, subjects.EVT, subject=FACTS_OF_ISLANDS)
        async for batch in tail.batches(after=self._books.position):
            for one in batch:
                changed = self._books.take(one.position, codec.decode(one.message.data))
                if changed:
                    yield changed
            async with self._moved:
                self._moved.notify_all()

    async def wait(self, position: int) -> None:
        """Until the books hold the fact at that position, or a later one. Somebody must be following."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._books.position >= position)
