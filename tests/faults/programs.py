"""A coordinator or an island as a process of its own, to be killed, frozen and started again by its process id.

Used by `tests.faults.network`, which stops whatever is left. What a program prints goes to one file over all its lives.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import psutil

from adapters.embedded import child_process

ROOT: Final = Path(__file__).resolve().parents[2]
TOLD_WITHIN_S: Final = 30.0
STOPPED_WITHIN_S: Final = 20.0
GONE_WITHIN_S: Final = 10.0


class Program:
    """One program with its settings; `start` it again as often as needed, from the main thread."""

    def __init__(self, name: str, module: str, settings: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.output = folder / f"{name}.log"
        self.output.touch()
        self._module = module
        self._environment = {"PATH": os.environ["PATH"], **settings}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        assert not self.runs
        with self.output.open("ab") as output:
            self._process = child_process.spawn(
                [sys.executable, "-m", self._module],
                working_directory=ROOT,
                output=output.fileno(),
                user=None,
                death_signal=signal.SIGKILL,
                environment=self._environment,
            )

    async def kill(self) -> None:
        """SIGKILL. Whatever it had started must go with it."""
        await self._gone(lambda: os.kill(self.pid, signal.SIGKILL))

    async def stop(self) -> None:
        """The polite way, wherever it stands; harmless where it does not run."""
        if self.runs:
            self.thaw()
            await self._gone(lambda: os.kill(self.pid, signal.SIGTERM))

    async def _gone(self, end: Callable[[], None]) -> None:
        process = self._process
        assert process is not None
        children = psutil.Process(process.pid).children(recursive=True)
        end()
        try:
            await asyncio.to_thread(process.wait, STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
            raise
        _, left = await asyncio.to_thread(psutil.wait_procs, children, GONE_WITHIN_S)
        assert not left, f"{self.name} left {left}"

    def freeze(self) -> None:
        """SIGSTOP: alive for the kernel, silent for everybody else."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def printed(self) -> str:
        return self.output.read_text(errors="replace")

    async def says(self, text: str, *, times: int = 1, within_s: float = TOLD_WITHIN_S) -> None:
        """Waits until `text` was printed so many times, over all lives."""
        deadline = time.monotonic() + within_s
        while (printed := self.printed()).count(text) < times:
            assert self.runs, f"{self.name} ended without saying {text!r}:\n{printed[-4000:]}"
            assert time.monotonic() < deadline, f"{self.name} never said {text!r}:\n{printed[-4000:]}"
            await asyncio.sleep(0.02)
