"""A crowd of WebSocket clients in one process of its own, which count what they are told and do nothing else with it.

Started by `benchmarks.fan_out`, which speaks to it in lines of JSON on standard input and gets one line for each. A
frame is not parsed: its position and its rows are found by their marks, so that the crowd costs little beside the
server that is measured.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvloop
from websockets.asyncio.client import ClientConnection, connect

CONNECTING_AT_ONCE: Final = 50
POSITION: Final = '"position":'
ROW: Final = '"op":"'
FRAME_BYTES_MAX: Final = 16 << 20


@dataclass(slots=True, kw_only=True)
class Member:
    """One client: how far it was told, and how much."""

    socket: ClientConnection
    position: int = 0
    events: int = 0
    frames: int = 0
    characters: int = 0


class Crowd:
    def __init__(self) -> None:
        self._members: list[Member] = []
        self._reading: list[asyncio.Task[None]] = []
        self._moved = asyncio.Event()
        self._kept: list[str] = []

    async def connect(self, url: str, keys: list[str], each: int) -> dict[str, Any]:
        at_once = asyncio.Semaphore(CONNECTING_AT_ONCE)

        async def one(key: str) -> Member:
            headers = {"Authorization": f"Bearer {key}"}
            async with at_once:
                socket = await connect(
                    url, additional_headers=headers, compression=None, max_size=FRAME_BYTES_MAX
                )
                await socket.recv()
            return Member(socket=socket)

        self._members = list(await asyncio.gather(*(one(key) for key in keys for _ in range(each))))
        return {"open": len(self._members)}

    async def subscribe(self, after: int | None) -> dict[str, Any]:
        """Everybody to the facts: behind a position, or from now on; then when all were told that it is now."""
        frame: dict[str, Any] = {"type": "subscribe", "id": "facts", "topic": "events"}
        frame |= {} if after is None else {"after": after}
        for member in self._members:
            await member.socket.send(json.dumps(frame))
            if after is None:
                await member.socket.recv()
        self._reading = [
            asyncio.create_task(self._read(member, is_first=member is self._members[0]))
            for member in self._members
        ]
        return {"subscribed": len(self._members)}

    async def _read(self, member: Member, *, is_first: bool) -> None:
        async for text in member.socket:
            assert isinstance(text, str)
            if is_first:
                self._kept.append(text)
            begin = text.index(POSITION) + len(POSITION)
            member.position = int(text[begin : text.index(",", begin)])
            member.events += text.count(ROW)
            member.frames += 1
            member.characters += len(text)
            self._moved.set()

    async def until(self, position: int) -> dict[str, Any]:
        """When everybody was told of `position`; what all were told so far."""
        while not all(member.position >= position for member in self._members):
            self._moved.clear()
            await self._moved.wait()
        return {
            "events": sum(member.events for member in self._members),
            "frames": sum(member.frames for member in self._members),
            "characters": sum(member.characters for member in self._members),
        }

    async def keep(self, path: str) -> dict[str, Any]:
        """Writes the frames that the first of them was told, one a line."""
        await asyncio.to_thread(Path(path).write_text, "\n".join(self._kept))
        return {"kept": len(self._kept)}

    async def leave(self) -> dict[str, Any]:
        for reading in self._reading:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
        await asyncio.gather(*(member.socket.close() for member in self._members))
        self._members, self._reading, self._kept = [], [], []
        return {"left": True}


async def main() -> None:
    crowd, loop = Crowd(), asyncio.get_running_loop()
    words: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
        "connect": crowd.connect,
        "subscribe": crowd.subscribe,
        "until": crowd.until,
        "keep": crowd.keep,
        "leave": crowd.leave,
    }
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        print(json.dumps(await words[asked.pop("do")](**asked)), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
