"""What the door lets an island in with that has no keys of its own: a name and a password, both made here.

Used by the route that issues them, once for each island. 192 random bits cannot be guessed from their hash, however
fast the hash, so SHA-256 is enough where a person's password would need a slow one.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import urlsplit
from uuid import UUID

from adapters.nats.accounts.nkey import Kind, NKey
from domain.ids import IslandId

PASSWORD_BYTES: Final = 24
UUID_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandPassword:
    """`local_id` is the user name, and how such an island calls itself."""

    island_id: IslandId
    local_id: str
    password: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        return cls(
            # The account's own seed is forgotten: an account's own key issues nobody.
            island_id=IslandId(NKey.new(Kind.ACCOUNT).public),
            local_id=str(UUID(bytes=secrets.token_bytes(UUID_BYTES), version=4)),
            password=secrets.token_urlsafe(PASSWORD_BYTES),
        )

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.password.encode()).hexdigest()

    def url(self, nats_url: str) -> str:
        """`nats_url` with the credentials in it."""
        parts = urlsplit(nats_url)
        return parts._replace(netloc=f"{self.local_id}:{self.password}@{parts.netloc}").geturl()
