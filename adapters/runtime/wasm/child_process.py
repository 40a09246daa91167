"""A process of ours that runs one of this package's programs. Used for workers and for the compiler.

It is started from the event loop's own thread, never from a pool: a worker dies with the *thread* that spawned it. It
gets a session of its own, so that Ctrl-C in the island's terminal reaches the island alone, which then stops its jobs
in order.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Final

from adapters.runtime.wasm.settings import WORKER_ENVIRONMENT

_PACKAGE: Final = "adapters.runtime.wasm"


class ChildProcess:
    def __init__(self, program: str, *arguments: str, stdin: int, stdout: int = subprocess.DEVNULL) -> None:
        """Raises OSError where the machine has no room for a process."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-m", f"{_PACKAGE}.{program}", *arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            env=dict(WORKER_ENVIRONMENT),
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Do not wait. A process that is gone already is no error."""
        self._process.kill()

    async def exit_code(self) -> int:
        """Wait for the end and take the process away; negative is the number of a signal.

        A caller who is cancelled here, or where the wait fails, has it killed and taken away before the error goes on.
        """
        try:
            await self._gone()
        except BaseException:
            self._process.kill()
            raise
        finally:
            self._process.wait()
        return self._process.returncode

    async def end(self) -> None:
        self._process.kill()
        await self.exit_code()

    async def _gone(self) -> None:
        if not self.is_alive:
            return
        # Taking a large guest's memory away needs up to 0.1 s, which would stop the loop in a plain wait.
        descriptor = os.pidfd_open(self._process.pid)
        try:
            await readable(descriptor)
        finally:
            os.close(descriptor)


async def readable(descriptor: int) -> None:
    """Wait until a read would not block. One waiter for each descriptor."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _resolve, ready)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
