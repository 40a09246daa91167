"""The whole network on one machine: servers, coordinator, one island, started in order and stopped in reverse.

Used by `archipelago up` and `archipelago demo`, which hold the data directory's lock. What happens is told line by line
through `say`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, NoReturn, Self, TypeVar

from adapters.embedded.data_directory import DataDirectory, DirectoryLock
from adapters.embedded.listening import ON_LOOPBACK, Listening
from adapters.embedded.ports import Ports, is_free
from adapters.embedded.servers import EmbeddedServers
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import Access, connect
from adapters.nats.registrar_client import DocumentsRefusal, NoDocuments, RegistrarClient
from cli.coordinator import Coordinator, opened
from cli.failure import CommandFailed
from cli.local_key import local_key
from cli.local_mail import mail_folder, mails_in
from cli.local_program import LocalProgram
from cli.network import Network, forget_network, write_network
from cli.network_programs import NetworkPrograms
from cli.publication import publish_shipped
from domain.ids import IslandId

T = TypeVar("T")

DEFAULT_PORT: Final = 4000
READY_WITHIN_S: Final = 30.0
READY_POLL_S: Final = 0.05
WATCH_INTERVAL_S: Final = 0.1

NOBODY: Final = IslandId("nobody")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the caller wants. `port` 0: a free one; None: 4000 or a free one."""

    port: int | None = None
    with_island: bool = True
    listening: Listening = ON_LOOPBACK


class LocalNetwork:
    """`async with` starts and stops it. `network` and `coordinator` hold inside."""

    network: Network
    coordinator: Coordinator

    def __init__(self, directory: DataDirectory, lock: DirectoryLock, wishes: Wishes, say: Say) -> None:
        """Starts nothing yet."""
        self.directory = directory
        self.key, key_file = local_key(directory)
        self._key_file = key_file
        self._lock = lock
        self._wishes = wishes
        self._say = say
        self._listening = wishes.listening
        self._servers = EmbeddedServers(directory, wishes.listening)
        self._programs: list[LocalProgram] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start everything, in order; when one part fails none is left. Raises CommandFailed, ServerFailed."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything in reverse order, each within its bound."""
        await self._stack.aclose()

    async def watch(self) -> NoReturn:
        """Start again what ends by itself. Raises CommandFailed or ServerFailed when that does not help."""
        watching = asyncio.create_task(self._servers.watch())
        try:
            while True:
                if watching.done():
                    watching.result()
                for program in tuple(self._programs):
                    self._look_after(program)
                for mail in mails_in(mail_folder(self.directory)):
                    self._say(mail)
                await asyncio.sleep(WATCH_INTERVAL_S)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    def _look_after(self, program: LocalProgram) -> None:
        if program.is_over:
            self._go_on_without(program)
        elif program.died:
            self._say(f"The {program.name} ended (exit code {program.exit_code()}); starting it again.")
            program.restart()
        program.log.keep_small()

    def _go_on_without(self, program: LocalProgram) -> None:
        self._programs.remove(program)
        reason = program.log.tail().rpartition("\n")[2]
        self._say(f"The {program.name} was sent away ({reason}); going on without it.")

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """Does `work` while the network is kept alive; whatever fails first ends both."""
        watching, working = asyncio.create_task(self.watch()), asyncio.create_task(work)
        try:
            await asyncio.wait({watching, working}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else watching.result()
        finally:
            watching.cancel()
            working.cancel()
            await asyncio.gather(watching, working, return_exceptions=True)

    @property
    def books(self) -> tuple[Access, str]:
        """How the log and the database are read, past the coordinator."""
        return self._servers.nats.access(Role.PROJECTOR), self._servers.postgres_dsn

    def programs(self) -> dict[str, int | None]:
        """The process ids of our own programs, by name."""
        return {program.name: program.pid for program in self._programs}

    def hurry(self) -> None:
        """Ask the program that is being stopped once more: it then ends at once."""
        for program in self._programs:
            program.hurry()

    async def _start(self) -> None:
        forget_network(self.directory)
        url = self._listening.http_url(self._choose_port())
        with self._timed("PostgreSQL and NATS"):
            await self._servers.start()
        self._stack.push_async_callback(self._stop, "PostgreSQL and NATS", self._servers.stop)
        self.network = Network(
            url=url,
            key_file=str(self._key_file),
            nats_url=self._servers.nats.url,
            nats_keys=str(self._servers.nats.deployment.coordinator.path),
            postgres_dsn=self._servers.postgres_dsn,
            ca_file=str(self._listening.ca_file or ""),
        )
        self.coordinator = await self._stack.enter_async_context(
            opened(url, self.key, self._listening.ca_file)
        )
        programs = NetworkPrograms(
            directory=self.directory,
            network=self.network,
            listening=self._listening,
            deployment=self._servers.nats.deployment,
            key=self.key,
        )
        # The door is not waited for: no island that starts here knows only a password.
        await self._launch(programs.door())
        await asyncio.gather(
            self._start_program(programs.registrar(), self._registrar_answers),
            self._start_program(programs.coordinator(), self._coordinator_is_ready),
        )
        for published in await publish_shipped(self.coordinator):
            self._say(f"Cargo {published}: published.")
        if self._wishes.with_island:
            await self._start_program(programs.island(), self._island_is_online)
        write_network(self.directory, self.network)
        self._stack.callback(forget_network, self.directory)
        self._lock.announce(url)

    async def _start_program(self, program: LocalProgram, is_ready: Callable[[], Awaitable[bool]]) -> None:
        started = time.monotonic()
        await self._launch(program)
        while not await is_ready():
            if program.is_over:
                self._go_on_without(program)
                return
            if program.died:
                raise program.failed(f"ended with exit code {program.exit_code()} while starting")
            if time.monotonic() > started + READY_WITHIN_S:
                raise program.failed(f"was not ready after {READY_WITHIN_S:.0f} s")
            await asyncio.sleep(READY_POLL_S)
        self._say_ready(program.name.capitalize(), started)

    async def _launch(self, program: LocalProgram) -> None:
        await program.stop_leftovers()
        program.start()
        self._programs.append(program)
        self._stack.push_async_callback(self._stop, program.name.capitalize(), program.stop)

    async def _stop(self, name: str, stop: Callable[[], Awaitable[None]]) -> None:
        started = time.monotonic()
        await stop()
        self._say(f"{name}: stopped after {time.monotonic() - started:.1f} s.")

    async def _registrar_answers(self) -> bool:
        """Whether it says that it knows no island of that name."""
        client = await connect(self._servers.nats.access(Role.API), "archipelago up")
        try:
            await RegistrarClient(client).documents(NOBODY, position=0)
        except NoDocuments as refused:
            return refused.code is DocumentsRefusal.ISLAND_UNKNOWN
        finally:
            await client.close()
        return True

    async def _coordinator_is_ready(self) -> bool:
        try:
            await self.coordinator.get("/health")
            # The key works only once the read side has taken in the local account.
            await self.coordinator.get("/account")
        except CommandFailed:
            return False
        return True

    async def _island_is_online(self) -> bool:
        try:
            hosts = (await self.coordinator.get("/hosts"))["hosts"]
        except CommandFailed:
            return False
        return any(host["status"] == "online" and host.get("runtimes") for host in hosts)

    def _choose_port(self) -> int:
        port = self._wishes.port
        host = self._listening.host
        if port is None and is_free(DEFAULT_PORT, host):
            return DEFAULT_PORT
        if port:
            if not is_free(port, host):
                raise CommandFailed(
                    f"--port: {port} is taken by another program", next_step="choose another, or leave it out"
                )
            return port
        return Ports(self.directory.run / "ports.json").choose("coordinator", host)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._say_ready(name, started)

    def _say_ready(self, name: str, started: float) -> None:
        self._say(f"{name}: ready after {time.monotonic() - started:.1f} s.")
