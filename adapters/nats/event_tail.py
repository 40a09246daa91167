"""The live end of the event log, decoded once per process and handed to every follower in it.

Projections, processes and WebSockets each follow from a position of their own. Recent commits stay in a ring in
memory; a follower that is further behind reads the log in batches until it reaches the ring. Nobody can be overtaken:
a follower that falls out of the ring simply reads the log again.
"""

import asyncio
import bisect
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from nats.aio.client import Client

from adapters import codec
from adapters.nats import subjects
from adapters.nats.event_log import JetStreamEventLog, origin_of
from adapters.nats.first_time import first_recorded_at_ms
from adapters.nats.tail import StreamTail, Tailed
from commands.event_log import Commit

RING_COMMITS_MAX: Final = 20_000
BATCH_COMMITS_MAX: Final = 2_000
CATCHING_UP_COMMITS: Final = 500


class EventTail:
    def __init__(self, client: Client, event_log: JetStreamEventLog) -> None:
        self._client = client
        self._log = event_log
        self._ring: list[Commit] = []
        self._position = 0
        self._moved = asyncio.Condition()

    @property
    def position(self) -> int:
        """The newest position seen here."""
        return self._position

    async def run(self) -> None:
        """Follows the log until cancelled. Every follower waits for this.

        It begins at the log's present end; run again, where it stopped, so that the ring never has a gap.
        """
        if not self._position:
            await self._move([], await self._log.last_position())
        async for batch in StreamTail(self._client, subjects.EVT).batches(after=self._position):
            commits = [commit_of_tailed(one) for one in batch]
            await self._move(commits, commits[-1].position)

    async def _move(self, commits: Sequence[Commit], position: int) -> None:
        """Every follower is woken, also by a mere position: there may be a past for it to read."""
        async with self._moved:
            self._ring.extend(commits)
            del self._ring[: max(0, len(self._ring) - RING_COMMITS_MAX)]
            self._position = position
            self._moved.notify_all()

    async def follow(self, after: int, *, gathering_s: float = 0.0) -> AsyncGenerator[Sequence[Commit]]:
        """Every commit behind `after`, in order, for ever; large batches when behind, small ones when live.

        A follower to whom a batch of one costs as much as a batch of twenty lets live commits gather for a while.
        """
        position = after
        while True:
            if position >= self._position:
                await self._wait_behind(position)
            if gathering_s and self._position - position < CATCHING_UP_COMMITS:
                await asyncio.sleep(gathering_s)
            if batch := self._from_ring(position):
                position = batch[-1].position
                yield batch
            elif position < self._position:
                async for read in self._log.read(after=position, up_to=self._position):
                    position = read[-1].position
                    yield read

    async def _wait_behind(self, position: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self._position > position)

    def _from_ring(self, position: int) -> Sequence[Commit]:
        if not self._ring or self._ring[0].position > position + 1:
            return ()
        start = bisect.bisect_right(self._ring, position, key=lambda commit: commit.position)
        return self._ring[start : start + BATCH_COMMITS_MAX]


def commit_of_tailed(one: Tailed) -> Commit:
    headers = one.message.headers or {}
    return Commit(
        position=one.position,
        stream=one.message.subject.removeprefix("evt."),
        events=codec.decode(one.message.data),
        recorded_at_ms=first_recorded_at_ms(headers, one.stored_at_ms),
        origin=origin_of(headers),
    )
