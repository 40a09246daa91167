"""A NATS server, its log and a registrar, and as many islands with real documents as wanted. No coordinator.

What a coordinator would decide about islands is decided here, by the same commands on the same log, so that a figure
shows the fabric alone.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Final, Self

import psutil
from nats.aio.client import Client

from adapters import clock
from adapters.embedded.certificates import Certificates
from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.listening import ON_LOOPBACK, Listening
from adapters.embedded.nats_server import NatsServer
from adapters.embedded.ports import LOOPBACK, Ports
from adapters.nats.accounts.deployment import Deployment
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import connect
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.registrar_client import RegistrarClient
from adapters.nats.streams import deploy_streams
from adapters.tls import client_context
from benchmarks.network import temporary_directory
from benchmarks.thin_island import Member
from cli.local_program import LocalProgram
from commands.event_log import Origin
from commands.handle import CommandHandler
from domain.ids import AccountId
from domain.island import ISLAND
from domain.island_commands import EnrolIsland, IslandCommand

OWNER: Final = AccountId("owner")
AT_ONCE: Final = 32
REGISTRAR_STOP_S: Final = 10.0
READY_WITHIN_S: Final = 120.0
LOOK_S: Final = 0.01
PUSHED: Final = "accounts_pushed"
"""What the registrar logs once the server knows every island."""


class IslandNetwork:
    """Made by `island_network`."""

    def __init__(self, directory: DataDirectory, listening: Listening) -> None:
        self.deployment = Deployment.open(directory.fabric)
        self.server = NatsServer(
            directory, Ports(directory.run / "ports.json"), self.deployment, listening=listening
        )
        self.tls: ssl.SSLContext | None = client_context(listening.ca_file) if listening.ca_file else None
        self._directory = directory
        self._listening = listening
        self._registrar: LocalProgram | None = None
        self._stack = AsyncExitStack()
        self._numbers = count(1)

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.server)
        await deploy_streams(self.server.access(Role.DEPLOY))
        await self.start_registrar()
        self._handler = CommandHandler(JetStreamEventLog(await self.connected(Role.COORDINATOR)))
        self._documents = RegistrarClient(await self.connected(Role.API))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_registrar()
        await self._stack.aclose()

    async def connected(self, role: Role) -> Client:
        """Until the network is gone."""
        client = await connect(self.server.access(role), f"benchmark-{role}")
        self._stack.push_async_callback(client.close)
        return client

    async def start_registrar(self) -> float:
        """Seconds until the server agrees with the log about every island."""
        settings = {
            "ARCHIPELAGO_REGISTRAR_NATS_URL": self.server.url,
            "ARCHIPELAGO_REGISTRAR_NATS_KEYS": str(self.deployment.registrar.path),
        }
        if self._listening.ca_file:
            settings["ARCHIPELAGO_REGISTRAR_NATS_CA_FILE"] = str(self._listening.ca_file)
        program = LocalProgram(
            "registrar", self._directory, settings, module="registrar", stop_s=REGISTRAR_STOP_S
        )
        program.log.path.unlink(missing_ok=True)
        started = time.perf_counter()
        program.start()
        self._registrar = program
        async with asyncio.timeout(READY_WITHIN_S):
            while PUSHED not in program.log.path.read_text():  # noqa: ASYNC110 - written by another process
                await asyncio.sleep(LOOK_S)
        return time.perf_counter() - started

    async def stop_registrar(self) -> None:
        if self._registrar is not None:
            await self._registrar.stop()

    async def kill_server(self) -> None:
        """SIGKILL, and nothing of it left."""
        assert self.server.pid is not None
        psutil.Process(self.server.pid).kill()
        while not self.server.died:  # noqa: ASYNC110 - another process
            await asyncio.sleep(LOOK_S)

    def server_rss_mb(self) -> float:
        assert self.server.pid is not None
        rss: int = psutil.Process(self.server.pid).memory_info().rss
        return rss / 2**20

    async def carry_out(self, command: IslandCommand) -> int:
        """Returns the position of its fact."""
        origin = Origin(command_id=f"benchmark-{next(self._numbers)}")
        return (await self._handler.handle(ISLAND, command.island_id, command, origin=origin)).position

    async def join(self) -> Member:
        """A new island whose owner has vouched for it, with its document; the server knows its account."""
        account, user = NKey.new(Kind.ACCOUNT), NKey.new(Kind.USER)
        member = Member(account=account, user=user, jwt="")
        position = await self.carry_out(
            EnrolIsland(
                island_id=member.island_id,
                owner_id=OWNER,
                name="atlas",
                user_key=user.public,
                now_ms=clock.now_ms(),
            )
        )
        documents = await self._documents.documents(member.island_id, position)
        assert documents.user_jwt is not None
        return Member(account=account, user=user, jwt=documents.user_jwt)

    async def join_many(self, islands: int) -> list[Member]:
        turns = asyncio.Semaphore(AT_ONCE)

        async def one() -> Member:
            async with turns:
                return await self.join()

        return list(await asyncio.gather(*(one() for _ in range(islands))))


@asynccontextmanager
async def island_network(*, is_encrypted: bool = False) -> AsyncIterator[IslandNetwork]:
    async with temporary_directory() as directory:
        listening = encrypted(directory) if is_encrypted else ON_LOOPBACK
        async with IslandNetwork(directory, listening) as network:
            yield network


def encrypted(directory: DataDirectory) -> Listening:
    """TLS 1.3 with a certificate of its own authority, as `archipelago up --tls`."""
    made = Certificates(directory.keys / "tls")
    made.renewed((LOOPBACK,), datetime.now(UTC))
    return Listening(certificate=made.server, ca_file=made.ca_file)
