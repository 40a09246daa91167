"""A NATS server, its log and a registrar, each to be stopped, robbed of its files and started again; and islands.

The registrar and the server are real processes. Commands are carried out here as a coordinator would, and an island is
a pair of keys that fetches its documents as one does by HTTPS: from the registrar, as the role `api`.
"""

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import nats.errors
from nats.aio.client import Client

from adapters import clock
from adapters.embedded.data_directory import DataDirectory
from adapters.nats import subjects
from adapters.nats.accounts.deployment import Deployment
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import Access, access_of, connect, options_of
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.registrar_client import Documents, DocumentsRefusal, NoDocuments, RegistrarClient
from adapters.nats.streams import deploy_streams
from commands.event_log import Origin
from commands.handle import CommandHandler
from domain.ids import AccountId, IslandId
from domain.island import ISLAND
from domain.island_commands import EnrolIsland, IslandCommand
from tests.fabric import JoinedIsland
from tests.faults.programs import Program
from tests.servers import nats_on

OWNER: Final = AccountId("owner")
SEEN_WITHIN_S: Final = 20.0
ANSWER_S: Final = 0.5
"""What the server does not route is never answered; loopback answers within milliseconds."""
LOOK_S: Final = 0.02
PUSHED: Final = "accounts_pushed"
OPEN: Final = "door_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Island:
    """One with its own keys; what it connects with it fetches."""

    account: NKey
    user: NKey

    @property
    def island_id(self) -> IslandId:
        return IslandId(self.account.public)

    def with_document(self, jwt: str, url: str) -> JoinedIsland:
        return JoinedIsland(account=self.account, user=self.user, jwt=jwt, url=url)


class RecoveringNetwork:
    """`start` it, break it, `restart` what is wanted; `close` ends everything."""

    def __init__(self, directory: DataDirectory) -> None:
        self.directory = directory
        self.registrar: Program | None = None
        self.door: Program | None = None
        self.server = nats_on(directory)
        self._numbers = count(1)
        self._pushes = 0
        self._openings = 0

    @property
    def deployment(self) -> Deployment:
        return Deployment(self.directory.fabric)

    def access(self, role: Role) -> Access:
        return access_of(self.server.url, self.deployment.folder(role), role)

    async def start(self) -> None:
        await self.server.start()
        await deploy_streams(self.access(Role.DEPLOY))
        await self.start_registrar()

    async def close(self) -> None:
        await self.stop_registrar()
        await self.stop_door()
        await self.server.stop()

    async def start_registrar(self, folder: Path | None = None) -> None:
        """With its own folder, or with that copy of it; ready when it has pushed every account."""
        settings = {
            "ARCHIPELAGO_REGISTRAR_NATS_URL": self.server.url,
            "ARCHIPELAGO_REGISTRAR_NATS_KEYS": str(folder or self.deployment.registrar.path),
        }
        self.registrar = Program("registrar", "registrar", settings, self.directory.logs)
        self.registrar.start()
        await self.accounts_are_pushed()

    async def accounts_are_pushed(self) -> None:
        """Waits for the end of the next pass over all islands."""
        assert self.registrar is not None
        self._pushes += 1
        await self.registrar.says(PUSHED, times=self._pushes)

    async def stop_registrar(self) -> None:
        if self.registrar is not None:
            await self.registrar.stop()

    async def start_door(self) -> None:
        """Ready when it judges."""
        settings = {
            "ARCHIPELAGO_DOOR_NATS_URL": self.server.url,
            "ARCHIPELAGO_DOOR_NATS_KEYS": str(self.deployment.door.path),
        }
        self.door = Program("door", "registrar.door", settings, self.directory.logs)
        self.door.start()
        self._openings += 1
        await self.door.says(OPEN, times=self._openings)

    async def stop_door(self) -> None:
        if self.door is not None:
            await self.door.stop()

    async def restart(self, *, while_down: Callable[[], None] = lambda: None) -> None:
        """Server and registrar, with the keys as they are then."""
        await self.stop_registrar()
        await self.restart_server(while_down=while_down)
        await self.start_registrar()

    async def restart_server(self, *, while_down: Callable[[], None] = lambda: None) -> None:
        await self.server.stop()
        while_down()
        self.server = nats_on(self.directory)
        await self.server.start()

    async def joins(self) -> Island:
        """An island whose owner has vouched for it."""
        island = Island(account=NKey.new(Kind.ACCOUNT), user=NKey.new(Kind.USER))
        await self.carry_out(
            EnrolIsland(
                island_id=island.island_id,
                owner_id=OWNER,
                name="atlas",
                user_key=island.user.public,
                now_ms=clock.now_ms(),
            )
        )
        return island

    async def carry_out(self, command: IslandCommand) -> None:
        async with await self._as(Role.COORDINATOR) as client:
            handler = CommandHandler(JetStreamEventLog(client))
            origin = Origin(command_id=f"recovery-{next(self._numbers)}")
            await handler.handle(ISLAND, command.island_id, command, origin=origin)

    async def documents(self, island: Island) -> Documents:
        """What the island gets when it asks now. Raises `NoDocuments`; waits for a registrar that is coming back."""
        async with await self._as(Role.API) as client, await self._as(Role.COORDINATOR) as reader:
            position = await JetStreamEventLog(reader).last_position()
            deadline = time.monotonic() + SEEN_WITHIN_S
            while True:
                try:
                    return await RegistrarClient(client).documents(island.island_id, position)
                except NoDocuments as refused:
                    is_away = refused.code is DocumentsRefusal.UNAVAILABLE
                    if not is_away or time.monotonic() > deadline:
                        raise
                await asyncio.sleep(LOOK_S)

    async def document(self, island: Island) -> JoinedIsland:
        """The island, able to connect."""
        jwt = (await self.documents(island)).user_jwt
        assert jwt is not None
        return island.with_document(jwt, self.server.url)

    async def lets_in(self, access: Access) -> bool:
        """Whether the server lets in a program of ours with these credentials."""
        options = options_of(access, "recovery") | {"allow_reconnect": False}
        return await self._connects(access.url, options)

    async def lets_in_island(self, island: JoinedIsland) -> bool:
        return await self._connects(island.url, island.options | {"allow_reconnect": False})

    async def _connects(self, url: str, options: dict[str, Any]) -> bool:
        client = Client()
        try:
            await client.connect(url, **options)
        except nats.errors.Error as refused:
            if "authorization" not in str(refused).lower():
                raise
            return False
        finally:
            await client.close()
        return True

    async def _as(self, role: Role) -> Client:
        return await connect(self.access(role), f"recovery-{role}")


async def speaks(client: Client, home_id: str) -> bool:
    """Whether a claim that only paired islands may make is stored. `home_id` is what the island calls itself."""
    try:
        await client.request(subjects.status(IslandId(home_id)), b"{}", timeout=ANSWER_S)
    except (nats.errors.TimeoutError, nats.errors.NoRespondersError):
        return False
    return True


async def works(island: JoinedIsland) -> bool:
    """Whether it can connect and make claims."""
    async with island.connected(allow_reconnect=False) as client:
        return await speaks(client, island.island_id)


def copied(source: Path, name: str) -> Path:
    """A copy of a folder beside it."""
    return Path(shutil.copytree(source, source.with_name(name)))
