"""The island's end of one worker: its process, its control socket, and the walls that stand around it.

Made and kept by `worker_pool.py`; one job at a time. A worker that was killed, or that answered what it should not, is
never used again.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Final, Self

from adapters.runtime.contract import RuntimeBroken
from adapters.runtime.wasm.child_process import ChildProcess, readable
from adapters.runtime.wasm.walls import Wall
from adapters.runtime.wasm.wire import PACKET_BYTES_MAX, Garbled, Greeting, Task, Verdict, decode, encode

START_S_MAX: Final = 20.0
"""Usually 0.1 s; a laptop that wakes up with everything else at once needs more."""


class WorkerProcess:
    def __init__(self, process: ChildProcess, control: socket.socket) -> None:
        self._process = process
        self._control = control
        self.walls: frozenset[Wall] = frozenset()
        self.jobs = 0

    @classmethod
    async def spawn(cls, memory_class_mb: int) -> Self:
        """A worker that is locked and waits for its first task. Raises RuntimeBroken."""
        worker = cls(*_launch(memory_class_mb))
        try:
            async with asyncio.timeout(START_S_MAX):
                packet = await worker._receive()
            greeting = decode(packet, Greeting) if packet else Greeting(fault="it ended before its greeting")
            if greeting.fault:
                raise RuntimeBroken(f"a worker cannot serve: {greeting.fault}")
        except TimeoutError:
            await worker.end()
            raise RuntimeBroken(f"a worker said nothing for {START_S_MAX} s") from None
        except Garbled as error:
            await worker.end()
            raise RuntimeBroken(f"a worker's greeting is unreadable: {error}") from error
        except BaseException:
            await worker.end()
            raise
        worker.walls = greeting.walls
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_fit(self) -> bool:
        """Alive and silent: what a worker says unasked is no verdict on the next job."""
        try:
            self._control.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        return False

    def give(self, task: Task, descriptors: Sequence[int]) -> None:
        """Hand over copies of the descriptors. Raises OSError if the worker is gone."""
        self.jobs += 1
        socket.send_fds(self._control, [encode(task)], list(descriptors))

    async def verdict(self) -> Verdict | None:
        """None if the worker ended without one. Raises Garbled."""
        packet = await self._receive()
        return decode(packet, Verdict) if packet else None

    def kill(self) -> None:
        self._process.kill()

    async def end(self) -> None:
        """Kill it and wait until it is gone."""
        try:
            await self._process.end()
        finally:
            self._control.close()

    async def _receive(self) -> bytes:
        await readable(self._control.fileno())
        try:
            return self._control.recv(PACKET_BYTES_MAX)
        except ConnectionError:
            return b""


def _launch(memory_class_mb: int) -> tuple[ChildProcess, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(0)
    with theirs:
        try:
            return ChildProcess("worker", str(memory_class_mb), stdin=theirs.fileno()), ours
        except OSError as error:
            ours.close()
            raise RuntimeBroken(f"a worker cannot be started: {error}") from error
