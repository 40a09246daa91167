"""What an enrolled island needs to speak on NATS: its durable consumer and its credentials.

Used by the enrolment route. Today all islands share one restricted NATS user, which is why islands of strangers are
not let in yet; an account for each island comes with the fabric's own step and replaces this module's answer, not its
callers.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from nats.aio.client import Client

from adapters.nats.streams import create_jobs_consumer
from domain.ids import IslandId

SLOTS_MAX: Final = (
    256  # The server's bound on unacknowledged jobs; placement keeps an island within its own slots.
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsAccess:
    """`nats_url` holds no credentials; they travel beside it."""

    nats_url: str
    user: str
    password: str


class SharedIslandUser:
    """`island_nats_url` is `nats://user:password@host:port`."""

    def __init__(self, client: Client, island_nats_url: str) -> None:
        self._client = client
        parts = urlsplit(island_nats_url)
        self._access = NatsAccess(
            nats_url=f"{parts.scheme}://{parts.hostname}:{parts.port}",
            user=parts.username or "",
            password=parts.password or "",
        )

    async def grant(self, island_id: IslandId) -> NatsAccess:
        """Makes the island's durable where it is missing. Repeating it gives the same access."""
        await create_jobs_consumer(self._client, island_id, slots=SLOTS_MAX)
        return self._access
