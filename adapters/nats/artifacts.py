"""Artifacts: the bytes of cargos, stored in pieces under their digest in the `ARTIFACTS` stream.

Used by the API: uploaded once by a publisher, fetched by islands. The digest is checked on the way in and on the way
out, so what is fetched is what was published or nothing. A piece can be stored once and never be changed or removed,
by nobody who runs; an upload that broke off is completed by the next.
"""

import hashlib
from typing import Final

from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.replies import Refused, ask, read_batches

ARTIFACT_BYTES_MAX: Final = 32 << 20
PIECE_BYTES: Final = 1 << 20
STORED_ALREADY: Final = "maximum messages per subject exceeded"
"""The server's words; its code for them, 10077, is that of a full stream too."""


class DigestMismatch(Exception):
    """The bytes are not those that the digest names."""


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Artifacts:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def put(self, digest: str, content: bytes) -> None:
        """Stores `content`. Storing it again changes nothing. Raises `DigestMismatch`, `Refused`, `Unanswered`."""
        if digest_of(content) != digest:
            raise DigestMismatch(digest)
        if await self.get(digest) is not None:
            return
        for number, start in enumerate(range(0, max(1, len(content)), PIECE_BYTES)):
            await self._store(subjects.artifact(digest, str(number)), content[start : start + PIECE_BYTES])
        if await self.get(digest) is None:
            raise Refused(f"{digest} lies damaged in the stream {subjects.ARTIFACTS}; restore it from a copy")

    async def get(self, digest: str) -> bytes | None:
        """The bytes, or None where they are not stored, not wholly or no longer what they were. Raises `Unanswered`."""
        pieces: dict[int, bytes] = {}
        everything = subjects.artifact(digest, "*")
        async for batch in read_batches(self._client, subjects.ARTIFACTS, everything, start=1):
            for message in batch:
                assert message.headers is not None
                pieces[int(message.headers["Nats-Subject"].rpartition(".")[2])] = message.data
        found = b"".join(pieces[number] for number in sorted(pieces))
        return found if pieces and digest_of(found) == digest else None

    async def _store(self, subject: str, piece: bytes) -> None:
        error = (await ask(self._client, subject, piece)).get("error")
        if error and error["description"] != STORED_ALREADY:
            raise Refused(f"storing {subject}: {error['description']}")
