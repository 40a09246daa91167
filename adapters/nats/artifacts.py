"""Artifacts: the bytes of cargos, stored under their digest in a JetStream object store.

Used by the API: uploaded once by a publisher, fetched by islands. The digest is checked on the way in and on the way
out, so what is fetched is what was published or nothing.
"""

import hashlib
from typing import Final

from nats.aio.client import Client
from nats.js.api import ObjectStoreConfig
from nats.js.errors import BucketNotFoundError, ObjectNotFoundError
from nats.js.object_store import ObjectStore

from adapters.nats import subjects

BUCKET: Final = subjects.ARTIFACTS
BUCKET_BYTES_MAX: Final = 1 << 30
ARTIFACT_BYTES_MAX: Final = 32 << 20


class DigestMismatch(Exception):
    """The bytes are not those that the digest names."""


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Artifacts:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    async def open(cls, client: Client, *, replicas: int = 1) -> "Artifacts":
        """The bucket, made where it is missing."""
        stream = client.jetstream()
        try:
            return cls(await stream.object_store(BUCKET))
        except BucketNotFoundError:
            config = ObjectStoreConfig(bucket=BUCKET, max_bytes=BUCKET_BYTES_MAX, replicas=replicas)
            return cls(await stream.create_object_store(BUCKET, config))

    async def put(self, digest: str, content: bytes) -> None:
        """Stores `content`. Raises `DigestMismatch`. Storing it again changes nothing."""
        if digest_of(content) != digest:
            raise DigestMismatch(digest)
        if await self.get(digest) is None:
            await self._store.put(digest, content)

    async def get(self, digest: str) -> bytes | None:
        """The bytes, or None where they are not stored or no longer what they were."""
        try:
            found = (await self._store.get(digest)).data
        except ObjectNotFoundError:
            return None
        return found if found is not None and digest_of(found) == digest else None
