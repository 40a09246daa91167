"""A program of ours that `archipelago up` runs beside the servers: the coordinator, the island.

Used by `local_network.py`. Its output goes to one log file of bounded size; it never outlives the process that started
it; when it ends by itself it is started again, a bounded number of times.
"""

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from adapters.embedded import child_process
from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.server_log import ServerLog
from cli.failure import CommandFailed
from cli.program import command

RESTARTS_MAX: Final = 5
RESTART_WINDOW_S: Final = 300.0
RUN_DEATH_SIGNAL: Final = signal.SIGKILL
"""When the supervisor is killed its servers go too: there is nothing left to end politely with."""


class LocalProgram:
    """One program of one data directory, which the caller has locked. Start it from the main thread."""

    def __init__(
        self,
        name: str,
        directory: DataDirectory,
        settings: Mapping[str, str],
        *,
        module: str,
        stop_s: float,
        final_code: int | None = None,
    ) -> None:
        """`settings` are environment variables on top of our own; `stop_s` is how long a polite end may take.

        `final_code` is the exit code after which starting it again is of no use.
        """
        self.name = name
        self.log = ServerLog(directory.logs / f"{name}.log")
        self._directory = directory
        self._settings = settings
        self._mark = f"{directory.root}:{name}"
        self._final_code = final_code
        self._command = command(module, mark=self._mark)
        self._stop_steps = ((signal.SIGTERM, stop_s),)
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopping = False
        self._restarts: deque[float] = deque(maxlen=RESTARTS_MAX)

    async def stop_leftovers(self) -> int:
        """End what a killed run has left; how many processes that were."""
        return await child_process.stop_leftovers(Path(self._command[0]).name, self._mark, ())

    def start(self) -> None:
        """Start it; it is ready some time later. Raises CommandFailed."""
        assert self._directory.locked, "only the holder of the data directory may start programs on it"
        self.log.keep_small()
        try:
            with self.log.descriptor() as output:
                self._process = child_process.spawn(
                    self._command,
                    working_directory=self._directory.root,
                    output=output,
                    user=None,
                    death_signal=RUN_DEATH_SIGNAL,
                    environment=os.environ | self._settings,
                )
        except (OSError, subprocess.SubprocessError) as error:
            raise CommandFailed(f"{self.name}: cannot be started: {error}") from error

    @property
    def died(self) -> bool:
        """Whether it has ended without being stopped."""
        return not self._is_stopping and self.exit_code() is not None

    @property
    def is_over(self) -> bool:
        """Whether it has ended by itself, and for good."""
        return self.died and self.exit_code() == self._final_code

    @property
    def pid(self) -> int | None:
        """The process id, None where it is not running."""
        return None if self._process is None else self._process.pid

    def restart(self) -> None:
        """Start it again after it died. Raises CommandFailed when that has not helped often enough."""
        now = time.monotonic()
        if len(self._restarts) == RESTARTS_MAX and now - self._restarts[0] < RESTART_WINDOW_S:
            raise self.failed(f"ended again after {RESTARTS_MAX} restarts in {RESTART_WINDOW_S:.0f} s")
        self._restarts.append(now)
        self.start()

    async def stop(self) -> None:
        """Stop politely, within a bound; harmless where nothing runs."""
        self._is_stopping = True
        if self._process is not None:
            await child_process.stop(self._process, self._stop_steps)

    def hurry(self) -> None:
        """Ask a program that is being stopped once more; it then ends at once."""
        if self._is_stopping and self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def failed(self, reason: str) -> CommandFailed:
        """The reason, with the last lines of the program's log."""
        return CommandFailed(
            f"{self.name}: {reason}. Its log ends with:\n{self.log.tail()}",
            next_step=f"read {self.log.path}, repair the cause and start again",
        )

    def exit_code(self) -> int | None:
        """None while it runs; negative is the number of a signal."""
        return None if self._process is None else self._process.poll()
