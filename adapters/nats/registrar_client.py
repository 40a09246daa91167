"""Asking the registrar for the documents of an island. Used by the API when an island enrols or renews."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from nats.aio.client import Client
from nats.errors import ConnectionClosedError, NoRespondersError

from adapters.nats import subjects
from domain.ids import IslandId

ANSWER_S: Final = 7.0
"""The registrar itself waits up to five seconds until it has read the facts up to the position."""


class DocumentsRefusal(StrEnum):
    """Why there are no documents. Every code that the registrar answers stands here."""

    ISLAND_UNKNOWN = "island_unknown"  # No fact tells of such an island.
    ISLAND_REMOVED = "island_removed"  # Its owner has removed it.
    KEY_REVOKED = "key_revoked"  # Its key is worth nothing any more; a new one must be enrolled.
    UNAVAILABLE = "unavailable"  # The registrar is away, overloaded or behind: try again.


class NoDocuments(Exception):
    def __init__(self, code: DocumentsRefusal) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """`user_jwt` is what the island connects with; None for one that knows only a password. Expiry in Unix seconds."""

    user_jwt: str | None
    expires_at_s: int


class RegistrarClient:
    def __init__(self, client: Client) -> None:
        """`client` is connected as `api`."""
        self._client = client

    async def documents(self, island_id: IslandId, position: int) -> Documents:
        """The documents once NATS knows the island as it is at `position` of the log. Raises `NoDocuments`."""
        try:
            reply = await self._client.request(
                subjects.documents(island_id), json.dumps({"position": position}).encode(), timeout=ANSWER_S
            )
        except (TimeoutError, NoRespondersError, ConnectionClosedError) as silence:
            raise NoDocuments(DocumentsRefusal.UNAVAILABLE) from silence
        return documents_of(reply.data)


def documents_of(answer: bytes) -> Documents:
    """Raises `NoDocuments`."""
    told = json.loads(answer)
    if "error" in told:
        raise NoDocuments(DocumentsRefusal(told["error"]))
    return Documents(user_jwt=told.get("user_jwt"), expires_at_s=told["expires_at_s"])
