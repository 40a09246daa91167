"""The island's ends of a guest's three pipes. Made by `running.py` for each job.

Plain descriptors on the loop's readiness calls instead of asyncio's transports: those read ahead into a buffer of
their own, and making three of them takes longer than a small job. Each class owns its descriptor and closes it once.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final

from adapters.runtime.contract import STDERR_TAIL_BYTES_MAX, End, Limits
from adapters.runtime.line_splitter import LineSplitter

_PIPE_BYTES: Final = 64 << 10
_STDERR_PAUSE_S: Final = 0.01
"""After a full pipe of standard error the island rests, so that a flood of it costs 6 MB/s and not the loop."""


class StandardInput:
    """Feeds a guest that need not read: what it leaves unread is no error."""

    def __init__(self, descriptor: int, content: bytes) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._rest = memoryview(content)
        self._is_open = True
        self._is_waiting = False
        self._write()

    def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        if self._is_waiting:
            asyncio.get_running_loop().remove_writer(self._descriptor)
        os.close(self._descriptor)

    def _write(self) -> None:
        try:
            self._rest = self._rest[os.write(self._descriptor, self._rest[:_PIPE_BYTES]) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._rest = self._rest[:0]
        if not self._rest:
            self.close()
        elif not self._is_waiting:
            self._is_waiting = True
            asyncio.get_running_loop().add_writer(self._descriptor, self._write)


class StandardError:
    """Keeps the last words of a guest that may write for ever."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._tail = b""
        self._loop = asyncio.get_running_loop()
        self._is_listening = False
        self._pause: asyncio.TimerHandle | None = None
        self._listen()

    def finish(self) -> bytes:
        """The tail, when the guest is gone. Closes the pipe."""
        self._rest()
        if self._pause is not None:
            self._pause.cancel()
        self._take()
        os.close(self._descriptor)
        return self._tail

    def _listen(self) -> None:
        self._loop.add_reader(self._descriptor, self._read)
        self._is_listening = True

    def _rest(self) -> None:
        if self._is_listening:
            self._loop.remove_reader(self._descriptor)
        self._is_listening = False

    def _read(self) -> None:
        chunk = self._take()
        if chunk == b"":
            self._rest()
        elif chunk is not None and len(chunk) == _PIPE_BYTES:
            self._rest()
            self._pause = self._loop.call_later(_STDERR_PAUSE_S, self._listen)

    def _take(self) -> bytes | None:
        """Empty at the end of the stream, None if there is nothing now."""
        try:
            chunk = os.read(self._descriptor, _PIPE_BYTES)
        except BlockingIOError:
            return None
        self._tail = (self._tail + chunk)[-STDERR_TAIL_BYTES_MAX:]
        return chunk


class StandardOutput:
    """Lines for one reader at a time, read when they are asked for: the pipe is the only buffer.

    `on_limit` is called once, from within the reading, when the guest breaks a limit of its output.
    """

    def __init__(self, descriptor: int, limits: Limits, on_limit: Callable[[End], None]) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._on_limit = on_limit
        self._splitter = LineSplitter(line_bytes_max=limits.line_bytes, output_bytes_max=limits.output_bytes)
        self._lines: deque[bytes] = deque()
        self._is_open = True
        self._ready: asyncio.Future[None] | None = None
        self._unread = asyncio.Event()
        self._unread.set()

    @property
    def bytes_seen(self) -> int:
        return self._splitter.bytes_seen

    @property
    def lines_seen(self) -> int:
        return self._splitter.lines_seen

    @property
    def is_over(self) -> bool:
        return not self._is_open and not self._lines

    async def lines(self) -> AsyncIterator[bytes]:
        if not self._unread.is_set():
            raise RuntimeError("somebody else is reading these lines")
        self._unread.clear()
        try:
            while True:
                while self._lines:
                    yield self._lines.popleft()
                if not self._is_open:
                    return
                await self._read()
        finally:
            self._unread.set()

    async def drain(self) -> None:
        """Return when the last line was read; read and drop what nobody else is reading."""
        while not self.is_over:
            await self._unread.wait()
            if self._unread.is_set():
                async for _ in self.lines():
                    pass

    def drop(self) -> None:
        """Nobody wants the rest. A reader's next line is the end."""
        self._lines.clear()
        self._close()
        self._unread.set()

    async def _read(self) -> None:
        chunk = await self._chunk()
        self._lines.extend(self._splitter.feed(chunk) if chunk else filter(None, [self._splitter.rest()]))
        if not chunk:
            self._close()
        elif self._splitter.broken is not None:
            self._close()
            self._on_limit(self._splitter.broken)

    async def _chunk(self) -> bytes:
        """Empty at the end of the stream, or when somebody dropped it."""
        while self._is_open:
            try:
                return os.read(self._descriptor, _PIPE_BYTES)
            except BlockingIOError:
                await self._readable()
        return b""

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        loop.add_reader(self._descriptor, self._wake)
        try:
            await self._ready
        finally:
            self._ready = None
            if self._is_open:
                loop.remove_reader(self._descriptor)

    def _wake(self) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)

    def _close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        if self._ready is not None:
            # Before the number can be given to another file.
            asyncio.get_running_loop().remove_reader(self._descriptor)
            self._wake()
        os.close(self._descriptor)
