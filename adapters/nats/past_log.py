"""The running log as a past that reports read: by time, by category, by aggregate.

Aggregates are asked for one by one, many at once, while they are few; where a scan of their category is cheaper, it is
scanned and the rest passed over before it is decoded. Either way gives the same commits.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg

from adapters.nats import subjects
from adapters.nats.event_log import JetStreamEventLog, commit_of
from adapters.nats.replies import Unanswered, position_of, read_batches, read_next
from commands.event_log import Commit, LogUnavailable
from commands.reports.past_log import EVERY_CATEGORY

ASKED_AT_ONCE: Final = 32
OUT_OF_ORDER_MAX: Final = 256
"""Commits that a change of the leading server may leave out of the order of their times: some milliseconds of a log."""
SCANNED_FOR_ONE: Final = 12
"""Positions that a scan of the jobs passes in the time that asking for one takes: benchmarks/report_rate.py."""


class JetStreamPastLog:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._log = JetStreamEventLog(client)

    async def last_position(self) -> int:
        return await self._log.last_position()

    async def first_at(self, at_ms: int) -> int | None:
        """Looked for by halves, since commits are recorded in the order of their times but for what clocks of servers
        differ by. The server's own search would find when a restored log was restored.
        """
        low, high = 1, await self._log.last_position() + 1
        while low < high:
            middle = (low + high) // 2
            found = await self._next(middle)
            if found is not None and found.recorded_at_ms < at_ms:
                low = found.position + 1
            else:
                high = middle
        return await self._earlier(low, at_ms) or await self._position_from(low)

    async def _earlier(self, position: int, at_ms: int) -> int | None:
        """The first commit shortly before a position that another server's clock had recorded late enough."""
        after = max(position - 1 - OUT_OF_ORDER_MAX, 0)
        async for messages in self._read("evt.>", after=after, up_to=position - 1):
            for message in messages:
                if commit_of(message).recorded_at_ms >= at_ms:
                    return position_of(message)
        return None

    async def _position_from(self, position: int) -> int | None:
        found = await self._next(position)
        return None if found is None else found.position

    async def _next(self, position: int) -> Commit | None:
        try:
            found = await read_next(self._client, subjects.EVT, "evt.>", start=position)
        except Unanswered as silence:
            raise LogUnavailable("looking for a time in the log") from silence
        return None if found is None else commit_of(found)

    async def read_category(
        self, category: str, *, after: int, up_to: int
    ) -> AsyncIterator[Sequence[Commit]]:
        subject = "evt.>" if category == EVERY_CATEGORY else f"evt.{category}.*"
        async for messages in self._read(subject, after=after, up_to=up_to):
            yield [commit_of(message) for message in messages]

    async def read_streams(
        self, streams: Collection[str], *, after: int, up_to: int
    ) -> AsyncIterator[Sequence[Commit]]:
        wanted = frozenset(map(subjects.fact, streams))
        if len(wanted) * SCANNED_FOR_ONE > up_to - after:
            for category in sorted({subject.split(".")[1] for subject in wanted}):
                async for messages in self._read(f"evt.{category}.*", after=after, up_to=up_to):
                    yield [commit_of(message) for message in messages if subject_of(message) in wanted]
            return
        in_order = sorted(wanted)
        for first in range(0, len(in_order), ASKED_AT_ONCE):
            some = in_order[first : first + ASKED_AT_ONCE]
            for commits in await asyncio.gather(*(self._stream(one, after, up_to) for one in some)):
                yield commits

    async def _stream(self, subject: str, after: int, up_to: int) -> list[Commit]:
        return [
            commit_of(message)
            async for messages in self._read(subject, after=after, up_to=up_to)
            for message in messages
        ]

    async def _read(self, subject: str, *, after: int, up_to: int) -> AsyncIterator[list[Msg]]:
        try:
            async for messages in read_batches(
                self._client, subjects.EVT, subject, start=after + 1, up_to=up_to
            ):
                yield messages
        except Unanswered as silence:
            raise LogUnavailable("reading the log") from silence


def subject_of(message: Msg) -> str:
    """Of a message that came by direct get."""
    assert message.headers is not None
    return str(message.headers["Nats-Subject"])
