"""What the embedded servers have in common: how one is started, found ready, started again and stopped.

`nats_server.py` and `postgres_server.py` say what differs; `servers.py` drives them.
"""

import logging
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from signal import Signals
from types import TracebackType
from typing import ClassVar, Final, Self

from adapters.embedded import child_process
from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.ports import LOOPBACK, Ports, is_free
from adapters.embedded.server_log import ServerLog

logger = logging.getLogger(__name__)

READY_WITHIN_S: Final = 30.0
PORT_ATTEMPTS_MAX: Final = 3


class ServerFailed(Exception):
    """An embedded server could not be started, or died too often."""

    def __init__(self, server: str, reason: str, log: ServerLog) -> None:
        """The message ends with the last lines of the server's log and says where the rest is."""
        self.server = server
        super().__init__(
            f"The embedded {server} server {reason}. Its log, {log.path}, ends with:\n{log.tail()}"
        )


class _PortTaken(Exception):
    """Somebody took the port between our look at it and the server's."""


class EmbeddedServer(ABC):
    """One server process on one data directory, which the caller has locked.

    `async with` starts and stops it. Start it from the main thread (`child_process.spawn` says why).
    """

    name: ClassVar[str]
    program: ClassVar[str]
    death_signal: ClassVar[Signals]
    stop_steps: ClassVar[child_process.StopSteps]

    def __init__(self, directory: DataDirectory, ports: Ports, *, host: str = LOOPBACK) -> None:
        """Touches nothing yet. `host` is the address to listen on."""
        self.host = host
        self.log = ServerLog(directory.logs / f"{self.name}.log")
        self.port = 0
        self._directory = directory
        self._ports = ports
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """End what a killed run left, then start and return when the server answers. Raises ServerFailed."""
        assert self._directory.locked, "lock the data directory first: leftovers of its last run are ended"
        assert self._process is None
        await self._stop_leftovers()
        self.log.keep_small()
        await self._prepare()
        for _ in range(PORT_ATTEMPTS_MAX):
            self.port = self._ports.choose(self.name, self.host)
            try:
                return await self._launch()
            except _PortTaken:
                logger.info("embedded_port_taken", extra={"server": self.name, "port": self.port})
        raise self._failed(f"found its port taken {PORT_ATTEMPTS_MAX} times")

    async def restart(self) -> None:
        """Start a server that died again, on the same port, so that its URL stays true. Raises ServerFailed."""
        await self.stop()
        await self._stop_leftovers()
        try:
            await self._launch()
        except _PortTaken:
            raise self._failed(f"cannot come back: port {self.port} was taken by another program") from None

    async def stop(self) -> None:
        """Stop politely, within a bound; harmless where nothing runs."""
        # Forgotten before the first wait: a server that is being stopped has not died.
        process, self._process = self._process, None
        if process is not None:
            await child_process.stop(process, self.stop_steps)

    @property
    def died(self) -> bool:
        """Whether the server has ended without being stopped."""
        return self._process is not None and self._process.poll() is not None

    @property
    def pid(self) -> int | None:
        """The process id, None where it is not running."""
        return None if self._process is None else self._process.pid

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    @abstractmethod
    async def _prepare(self) -> None:
        """Make the files that do not depend on the port."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Program and arguments for the chosen port; may write the configuration."""

    @abstractmethod
    async def _unready(self) -> str | None:
        """None once the server does its work, else what is missing."""

    @property
    @abstractmethod
    def _mark(self) -> str:
        """A part of the command line that only servers of this directory have."""

    @property
    @abstractmethod
    def _working_directory(self) -> Path:
        """Where the server runs."""

    @property
    def _user(self) -> int | None:
        """The uid to run under; None: ours."""
        return None

    async def _launch(self) -> None:
        command = self._command()
        try:
            self._process = self._spawn(command)
            await self._wait_until_ready(self._process)
        except BaseException:
            # Cancelled or failed: either way nobody will stop it later.
            await self.stop()
            raise
        logger.info(
            "embedded_server_started",
            extra={"server": self.name, "port": self.port, "pid": self._process.pid},
        )

    async def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while missing := await self._unready():
            if process.poll() is not None:
                if not is_free(self.port, self.host):
                    raise _PortTaken
                raise self._failed(f"ended with exit code {process.returncode} while starting")
            if time.monotonic() > deadline:
                raise self._failed(f"was not ready after {READY_WITHIN_S:.0f} s ({missing})")
            await child_process.comes_true(
                lambda: process.poll() is not None, within_s=2 * child_process.POLL_INTERVAL_S
            )

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        try:
            with self.log.descriptor() as output:
                return child_process.spawn(
                    command,
                    working_directory=self._working_directory,
                    output=output,
                    user=self._user,
                    death_signal=self.death_signal,
                )
        except (OSError, subprocess.SubprocessError) as error:
            raise self._failed(f"could not be started: {error}") from error

    async def _stop_leftovers(self) -> None:
        count = await child_process.stop_leftovers(self.program, self._mark, self.stop_steps)
        if count:
            logger.warning("embedded_leftovers_stopped", extra={"server": self.name, "processes": count})

    def _failed(self, reason: str) -> ServerFailed:
        return ServerFailed(self.name, reason, self.log)
