"""A NATS server as tests use it: a connection as any of our roles, and islands let in as the registrar lets them in.

async with fabric.connected(Role.COORDINATOR) as client: ...
island = await fabric.island()
async with island.connected() as client: ...
"""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import nats
from nats.aio.client import Client

from adapters.embedded.nats_server import NatsServer
from adapters.nats import subjects
from adapters.nats.accounts.deployment import Deployment
from adapters.nats.accounts.island_keys import IslandKeys
from adapters.nats.accounts.layout import IslandAccount
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import Access, connect, options
from adapters.nats.streams import create_jobs_consumer
from domain.ids import IslandId

ISSUED_AT_S: Final = 1_700_000_000
EXPIRES_AT_S: Final = 4_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedIsland:
    """An island with its own keys, known to the server at `url`. `jwt` is what it connects with."""

    account: NKey
    user: NKey
    jwt: str
    url: str

    @property
    def island_id(self) -> IslandId:
        return IslandId(self.account.public)

    @property
    def options(self) -> dict[str, Any]:
        """For `nats.connect` and for FastStream's broker."""
        return options("island") | {
            "user_jwt_cb": self.jwt.encode,
            "signature_cb": lambda nonce: base64.b64encode(self.user.sign(nonce.encode())),
            "inbox_prefix": subjects.inbox_prefix(self.island_id),
        }

    @asynccontextmanager
    async def connected(self, **more: Any) -> AsyncIterator[Client]:
        """`more` are options of `nats.connect` that count more than ours."""
        client = await nats.connect(self.url, **(self.options | more))
        try:
            yield client
        finally:
            await client.close()


class Fabric:
    """One running server and its keys."""

    def __init__(self, server: NatsServer) -> None:
        self.server = server
        self.deployment: Deployment = server.deployment
        self.keys = IslandKeys.of_registrar(server.deployment.registrar)

    @property
    def url(self) -> str:
        return self.server.url

    def access(self, role: Role) -> Access:
        return self.server.access(role)

    @asynccontextmanager
    async def connected(self, role: Role) -> AsyncIterator[Client]:
        client = await connect(self.access(role), f"test-{role}")
        try:
            yield client
        finally:
            await client.close()

    async def island(self, *, paired: bool = True) -> JoinedIsland:
        """A new island that the server knows. Its durable on `JOBS` is `give_queue`'s."""
        account, user = NKey.new(Kind.ACCOUNT), NKey.new(Kind.USER)
        island = IslandAccount(island_id=account.public, user_key=user.public, is_paired=paired)
        await self.push(island)
        jwt = self.keys.user_jwt(island, issued_at_s=ISSUED_AT_S, expires_at_s=EXPIRES_AT_S)
        return JoinedIsland(account=account, user=user, jwt=jwt, url=self.url)

    async def push(self, island: IslandAccount) -> None:
        """Makes the server know the island as it is now."""
        document = self.keys.account_jwt(island, issued_at_s=ISSUED_AT_S)
        async with self.connected(Role.REGISTRAR) as client:
            answer = await client.request("$SYS.REQ.CLAIMS.UPDATE", document.encode(), timeout=5)
        assert json.loads(answer.data)["data"]["code"] == 200, answer.data

    async def give_queue(self, island_id: IslandId, *, slots: int = 1) -> None:
        """The island's durable; the streams must be there."""
        async with self.connected(Role.REGISTRAR_CORE) as client:
            await create_jobs_consumer(client, island_id, slots=slots)


async def settle(client: Client) -> None:
    """Waits until the server has taken all that was said: the first flush may overtake it inside the client."""
    await client.flush()
    await client.flush()
