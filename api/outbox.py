"""The frames on their way to one WebSocket. Bounded: whoever produces them waits for room.

Subscriptions keep positions and not rows, so waiting costs no memory and loses nothing. A reader that takes no frame
for `STALLED_S` while the outbox is full is given up.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

FRAMES_MAX: Final = 1_000
BYTES_MAX: Final = 1 << 20
STALLED_S: Final = 10.0


class Stalled(Exception):
    """The reader takes nothing. It may come back and resume."""


class Outbox:
    def __init__(self, send: Callable[[str], Awaitable[None]], *, stalled_s: float = STALLED_S) -> None:
        self._send = send
        self._stalled_s = stalled_s
        self._frames: deque[str] = deque()
        self._bytes = 0
        self._has_frames = asyncio.Event()
        self._has_room = asyncio.Event()

    async def put(self, text: str) -> None:
        """Raises `Stalled`."""
        while self._frames and (len(self._frames) >= FRAMES_MAX or self._bytes + len(text) > BYTES_MAX):
            self._has_room.clear()
            try:
                async with asyncio.timeout(self._stalled_s):
                    await self._has_room.wait()
            except TimeoutError:
                raise Stalled from None
        self._frames.append(text)
        self._bytes += len(text)
        self._has_frames.set()

    async def run(self) -> None:
        """Sends what was put, in order, until cancelled."""
        while True:
            await self._has_frames.wait()
            self._has_frames.clear()
            while self._frames:
                text = self._frames.popleft()
                await self._send(text)
                self._bytes -= len(text)
                self._has_room.set()
