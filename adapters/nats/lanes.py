"""Lanes: how the claims of many islands are worked on side by side without one island holding up another.

Used by the claim mailbox. Each island has a lane of its own with a few claims in work and a bounded number behind them;
inside it, claims about the same job go one after the other, in the order they came.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

AT_ONCE_MAX: Final = 8
IN_LANE_MAX: Final = 256


class Turns:
    """One at a time per key, first come, first served; keys nobody waits for are forgotten."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        lock, waiting = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks[key]
            if waiting == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, waiting - 1)


class Lane:
    """One island's claims: `in_lane` of them are being worked on or wait."""

    def __init__(self) -> None:
        self.in_lane = 0
        self._at_once = asyncio.Semaphore(AT_ONCE_MAX)
        self._turns = Turns()

    @asynccontextmanager
    async def working(self, key: str) -> AsyncIterator[None]:
        """The time in which a claim may be worked on. Those that share a `key` go one after the other."""
        async with self._turns.turn(key), self._at_once:
            yield


class Lanes:
    """A lane exists as long as a claim is in it."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}

    def is_full(self, island_id: str) -> bool:
        lane = self._lanes.get(island_id)
        return lane is not None and lane.in_lane >= IN_LANE_MAX

    def enter(self, island_id: str) -> Lane:
        """Who enters leaves."""
        lane = self._lanes.setdefault(island_id, Lane())
        lane.in_lane += 1
        return lane

    def leave(self, island_id: str) -> None:
        lane = self._lanes[island_id]
        lane.in_lane -= 1
        if not lane.in_lane:
            del self._lanes[island_id]
