"""The coordinator's connections to NATS, one for each role, so that no part of it may do more than its work needs.

Opened by `api.coordinator` at start. Each comes back by itself after a break; only one that the server has closed for
good, because its credentials count no more, ends the coordinator.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from typing import Final, Self

from nats.aio.client import Client

from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import Access, access_of, connect, hang_up
from api.settings import Settings

LOOK_EVERY_S: Final = 1.0


class ClosedForGood(Exception):
    """The server let a connection in before and does so no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """`coordinator` decides, `projector` reads facts, `api` serves people, `edge` answers islands."""

    coordinator: Client
    projector: Client
    api: Client
    edge: Client
    auditor: Client

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings) -> AsyncIterator[Self]:
        """Waits for the server as long as it takes. Raises `KeysUnusable` and `TlsUnusable`."""
        async with AsyncExitStack() as stack:
            clients = {}
            for field in fields(cls):
                client = await connect(access(settings, Role(field.name)), f"coordinator {field.name}")
                clients[field.name] = client
                stack.push_async_callback(hang_up, client)
            yield cls(**clients)

    async def until_closed(self) -> None:
        """Raises `ClosedForGood` when that has happened to one of them."""
        while True:
            for field in fields(self):
                if getattr(self, field.name).is_closed:
                    raise ClosedForGood(f"the server no longer lets in the role {field.name}")
            await asyncio.sleep(LOOK_EVERY_S)


def access(settings: Settings, role: Role) -> Access:
    """Raises `KeysUnusable`."""
    return access_of(settings.nats_url, KeyFolder(settings.nats_keys), role, ca_file=settings.nats_ca_file)
