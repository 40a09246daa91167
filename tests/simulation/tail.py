"""The live end of the log, as one program sees it: a little late, in batches of any size.

Keeps what `adapters.nats.event_tail.EventTail` promises to processes and planners. A frozen program hears nothing, and
believes for a while after it wakes that what it knows is the present.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from commands.event_log import Commit
from tests.simulation.event_log import LogServer

BATCH_COMMITS_MAX: Final = 40


class SimulatedTail:
    def __init__(self, server: LogServer) -> None:
        self.position = len(server.commits)
        self._server = server
        self._moved = asyncio.Event()

    def reach(self, position: int) -> None:
        """News has arrived. Late news of an earlier position says nothing new."""
        if position > self.position:
            self.position = position
            self._moved.set()
            self._moved = asyncio.Event()

    async def follow(self, after: int) -> AsyncIterator[Sequence[Commit]]:
        position = after
        while True:
            while position >= self.position:
                await self._moved.wait()
            batch = self._server.commits[position : min(self.position, position + BATCH_COMMITS_MAX)]
            position = batch[-1].position
            yield batch
