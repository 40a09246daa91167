"""Both embedded servers as one thing: started together, kept alive, stopped in order.

Used by the composition roots of `archipelago up` and `archipelago demo`:

    directory = DataDirectory.open(path)
    with directory.lock(command="archipelago up", started_at=utc_now()) as lock:
        async with EmbeddedServers(directory) as servers:
            watching = asyncio.create_task(servers.watch())
            ...
            lock.announce("http://127.0.0.1:8080")

Cancel the task of `watch` before leaving the block.
"""

import asyncio
import logging
import shutil
import time
from collections import deque
from types import TracebackType
from typing import Final, NoReturn, Self

from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.listening import ON_LOOPBACK, Listening
from adapters.embedded.nats_server import NatsServer
from adapters.embedded.ports import Ports
from adapters.embedded.postgres_home import remove_home
from adapters.embedded.postgres_server import PostgresServer
from adapters.embedded.server import EmbeddedServer, ServerFailed
from adapters.nats.accounts.deployment import Deployment
from adapters.nats.accounts.roles import Role
from adapters.nats.streams import deploy_streams

logger = logging.getLogger(__name__)

WATCH_INTERVAL_S: Final = 0.1
RESTARTS_MAX: Final = 5
RESTART_WINDOW_S: Final = 300.0


class EmbeddedServers:
    """NATS and PostgreSQL of one data directory, which the caller has locked. URLs hold once started.

    The streams are made, or brought up to date, before `start` returns: nobody may do that later.
    """

    def __init__(self, directory: DataDirectory, listening: Listening = ON_LOOPBACK) -> None:
        """Makes keys and passwords where there are none yet; starts nothing. Raises KeysUnusable.

        The database listens on the loopback, whatever `listening` says.
        """
        self._directory = directory
        ports = Ports(directory.run / "ports.json")
        self.nats = NatsServer(directory, ports, Deployment.open(directory.fabric), listening=listening)
        self.postgres = PostgresServer(directory, ports, password=directory.secret("postgres"))
        self._servers: tuple[EmbeddedServer, ...] = (self.postgres, self.nats)
        self._restarts: deque[float] = deque(maxlen=RESTARTS_MAX)

    @property
    def postgres_dsn(self) -> str:
        """The database's URL, password included."""
        return self.postgres.dsn

    async def start(self) -> None:
        """Start both at once; when one fails none is left.

        Raises ServerFailed, NoFreePort, DirectoryUnusable and Refused.
        """
        try:
            await self._start_both()
        except BaseException:
            await self.stop()
            raise

    async def _start_both(self) -> None:
        starts = (server.start() for server in self._servers)
        # Each is awaited to its end, also when the other has failed: half a start cannot be stopped.
        for outcome in await asyncio.gather(*starts, return_exceptions=True):
            if outcome is not None:
                raise outcome
        await deploy_streams(self.nats.access(Role.DEPLOY))

    async def stop(self) -> None:
        """Stop the log first, so that nothing new arrives, then the database; both within their bounds."""
        for server in reversed(self._servers):
            await server.stop()

    async def watch(self) -> NoReturn:
        """Start a server that died again, on its port. Raises ServerFailed when it does not help.

        At most RESTARTS_MAX times in RESTART_WINDOW_S for both together. Keeps the logs small on the way.
        """
        while True:
            for server in self._servers:
                if server.died:
                    await self._revive(server)
                server.log.keep_small()
            await asyncio.sleep(WATCH_INTERVAL_S)

    async def _revive(self, server: EmbeddedServer) -> None:
        logger.warning("embedded_server_died", extra={"server": server.name})
        while True:
            self._count_restart(server)
            try:
                return await server.restart()
            except ServerFailed:
                # Killed again before it was ready, perhaps: that is one more death, not the end.
                logger.warning("embedded_restart_failed", extra={"server": server.name}, exc_info=True)

    def _count_restart(self, server: EmbeddedServer) -> None:
        now = time.monotonic()
        if len(self._restarts) == RESTARTS_MAX and now - self._restarts[0] < RESTART_WINDOW_S:
            reason = f"died again after {RESTARTS_MAX} restarts in {RESTART_WINDOW_S:.0f} s"
            raise ServerFailed(server.name, reason, server.log)
        self._restarts.append(now)

    def remove(self) -> None:
        """Delete the whole data directory, for runs that keep nothing. The servers must be stopped."""
        remove_home(self._directory)
        shutil.rmtree(self._directory.root)

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()
