"""Islands and the facts about them, written into a real log as the coordinator writes them. For tests beside this."""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import nats.errors
from nats.aio.client import Client

from adapters import codec
from adapters.nats import subjects
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.connection import options
from domain import island_events as events
from domain.ids import AccountId, IslandId

OWNER: Final = AccountId("owner")
EFFECT_S: Final = 5.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Story:
    """One island: its keys, and its past as it is told into the log."""

    def __init__(self, client: Client, url: str, *, local_id: str | None = None) -> None:
        """`client` is connected as `deploy`; with a `local_id` the island knows only a password."""
        self._client = client
        self.url = url
        self.account = NKey.new(Kind.ACCOUNT)
        self.user = NKey.new(Kind.USER)
        self.local_id = local_id
        self.password = self.user.seed
        self.position = 0

    @property
    def island_id(self) -> IslandId:
        return IslandId(self.account.public)

    async def tell(self, *facts: object) -> int:
        """Records one commit. Returns its position."""
        stored = await self._client.jetstream().publish(f"evt.island.{self.island_id}", codec.encode(facts))
        self.position = stored.seq
        return self.position

    def enrolled(self, at_ms: int | None = None, **fields: Any) -> events.IslandEnrolled:
        secret: dict[str, str] = (
            {"user_key": self.user.public}
            if self.local_id is None
            else {
                "local_id": self.local_id,
                "password_sha256": hashlib.sha256(self.password.encode()).hexdigest(),
            }
        )
        known = {"owner_id": None, "name": "first", "enrolled_at_ms": at_ms or now_ms()} | secret | fields
        return events.IslandEnrolled(island_id=self.island_id, **known)

    def paired(self, at_ms: int | None = None) -> events.IslandPaired:
        return events.IslandPaired(
            island_id=self.island_id, owner_id=OWNER, name="first", karma=0, paired_at_ms=at_ms or now_ms()
        )

    def key_replaced(self, at_ms: int | None = None) -> events.IslandKeyReplaced:
        """It has another user key from here on."""
        self.user = NKey.new(Kind.USER)
        return events.IslandKeyReplaced(
            island_id=self.island_id, user_key=self.user.public, replaced_at_ms=at_ms or now_ms()
        )

    def suspended(self, at_ms: int | None = None) -> events.IslandSuspended:
        return events.IslandSuspended(
            island_id=self.island_id, reason="test", suspended_at_ms=at_ms or now_ms()
        )

    def reinstated(self, at_ms: int | None = None) -> events.IslandReinstated:
        return events.IslandReinstated(island_id=self.island_id, reinstated_at_ms=at_ms or now_ms())

    def revoked(self, at_ms: int | None = None) -> events.IslandRevoked:
        return events.IslandRevoked(island_id=self.island_id, reason="test", revoked_at_ms=at_ms or now_ms())

    def flooded(self, at_ms: int | None = None) -> events.FloodPenalized:
        return events.FloodPenalized(
            island_id=self.island_id,
            flood_id="flood-1",
            messages_per_s=9_000,
            karma_delta=-12,
            karma=30,
            faults_in_row=1,
            karma_rules_version=1,
            penalized_at_ms=at_ms or now_ms(),
        )

    def removed(self, at_ms: int | None = None) -> events.IslandRemoved:
        return events.IslandRemoved(
            island_id=self.island_id, owner_id=OWNER, reason="test", removed_at_ms=at_ms or now_ms()
        )

    async def documents(self, client: Client, position: int | None = None) -> dict[str, Any]:
        """What the registrar answers to `client`, connected as `api`."""
        body = json.dumps({"position": self.position if position is None else position}).encode()
        answer = await client.request(subjects.documents(self.island_id), body, timeout=8)
        documents: dict[str, Any] = json.loads(answer.data)
        return documents

    async def until_answered(self, client: Client) -> None:
        """Until the registrar, which may have begun just now, answers `client` without an error."""

        async def is_answered() -> bool:
            try:
                return "error" not in await self.documents(client)
            except nats.errors.NoRespondersError:
                return False

        await until(is_answered)

    @asynccontextmanager
    async def connected(self, user_jwt: str = "", **more: Any) -> AsyncIterator[Client]:
        """With its document, or without one by its password. Does not come back by itself."""
        how: dict[str, Any] = (
            {
                "user_jwt_cb": user_jwt.encode,
                "signature_cb": lambda nonce: base64.b64encode(self.user.sign(nonce.encode())),
                "inbox_prefix": subjects.inbox_prefix(self.island_id),
            }
            if user_jwt
            else {"user": self.local_id, "password": self.password}
        )
        client = Client()
        try:
            await client.connect(
                self.url, **options("island") | how | {"allow_reconnect": False, "error_cb": silent} | more
            )
            yield client
        finally:
            await client.close()


async def silent(_: Exception) -> None:
    """What the server says to one it has ended is what the tests expect."""


async def is_let_in(story: Story, user_jwt: str = "", **more: Any) -> bool:
    try:
        async with story.connected(user_jwt, **more):
            return True
    except (nats.errors.Error, OSError, TimeoutError):
        return False


async def may_report(island: Client, home_id: str) -> bool:
    """Whether a paired island's claims are taken: only then does somebody answer them."""
    try:
        await island.request(f"host.{home_id}.status", b"{}", timeout=0.5)
    except (nats.errors.Error, TimeoutError):
        return False
    return True


async def until(what: Callable[[], Awaitable[bool]] | Callable[[], bool]) -> float:
    """Waits for an effect. Returns after how many seconds it was there."""
    began = time.perf_counter()
    async with asyncio.timeout(EFFECT_S):
        while True:
            found = what()
            if found if isinstance(found, bool) else await found:
                return time.perf_counter() - began
            await asyncio.sleep(0.001)
