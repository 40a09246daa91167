"""The keys of personal texts, in a stream beside the log: one message a subject, written once.

A key is 32 random bytes, wrapped with a master key that lies in the coordinator's folder of keys and never on NATS.
Two coordinators that meet the same subject at once both write; the server takes the first and both use that one. Who
is forgotten gets an empty message in place of the key, which nobody can write over. Read from the stream's leader, so
that a key is known as soon as it is written. Why a stream and no table: docs/adr/0014.
"""

import base64
import json
import secrets
from typing import Any, Final

from nats.aio.client import Client
from nats.errors import Error as NatsError

from adapters.field_cipher import RepeatableCipher, derived
from adapters.nats import subjects
from adapters.nats.replies import Refused, Unanswered, ask
from commands.event_log import LogUnavailable

KEY_BYTES: Final = 32
NOT_FOUND: Final = 10037
STORED_ALREADY: Final = "maximum messages per subject exceeded"
"""The server's words; its code for them, 10077, is that of a full stream too."""
ERASED: Final = b""
TRIES_MAX: Final = 5


class WrongMaster(Exception):
    """A key was wrapped with another master key than this program has: the folder of keys is not the network's."""


class JetStreamSubjectKeys:
    """Keeps `adapters.field_cipher.SubjectKeys`. `client` reads and writes the stream; only `erase` also deletes."""

    def __init__(self, client: Client, master: bytes) -> None:
        self._client = client
        self._wrapping = RepeatableCipher(derived(master, "subject-keys"))

    async def existing(self, subject: str) -> bytes | None:
        found = await self._stored(subject)
        return None if found is None or found[1] == ERASED else self._unwrapped(subject, found[1])

    async def is_erased(self, subject: str) -> bool:
        found = await self._stored(subject)
        return found is not None and found[1] == ERASED

    async def made(self, subject: str) -> bytes | None:
        if (found := await self._stored(subject)) is None:
            await self._store(subject, self._wrapped(subject, secrets.token_bytes(KEY_BYTES)))
            found = await self._stored(subject)
        if found is None:
            raise LogUnavailable(f"the key of {subject} was not stored")
        return None if found[1] == ERASED else self._unwrapped(subject, found[1])

    async def erase(self, subject: str) -> None:
        """Its key is gone for good afterwards, overwritten on the disk of every server, and none is ever made again.

        Repeating it changes nothing. Raises `LogUnavailable` and `Refused`.
        """
        for _ in range(TRIES_MAX):
            found = await self._stored(subject)
            if found is not None and found[1] == ERASED:
                return
            if found is not None:
                await self._delete(found[0])
            await self._store(subject, ERASED)
        raise LogUnavailable(f"the key of {subject} was written again in {TRIES_MAX} tries")

    async def _stored(self, subject: str) -> tuple[int, bytes] | None:
        """Where a subject's message lies, and what it holds."""
        query = json.dumps({"last_by_subj": subjects.subject_key(subject)}).encode()
        answer = await self._ask(f"$JS.API.STREAM.MSG.GET.{subjects.SUBJECT_KEYS}", query)
        if answer.get("error", {}).get("err_code") == NOT_FOUND:
            return None
        if "error" in answer:
            raise Refused(f"reading the key of {subject}: {answer['error']['description']}")
        message = answer["message"]
        return int(message["seq"]), base64.b64decode(message.get("data", ""))

    async def _store(self, subject: str, content: bytes) -> None:
        """Nothing where something is stored already."""
        answer = await self._ask(subjects.subject_key(subject), content)
        error = answer.get("error")
        if error and error["description"] != STORED_ALREADY:
            raise Refused(f"storing the key of {subject}: {error['description']}")

    async def _delete(self, sequence: int) -> None:
        # Without `no_erase` the server writes noise over the message before it forgets where it was.
        body = json.dumps({"seq": sequence, "no_erase": False}).encode()
        answer = await self._ask(f"$JS.API.STREAM.MSG.DELETE.{subjects.SUBJECT_KEYS}", body)
        if "error" in answer and answer["error"].get("err_code") != NOT_FOUND:
            raise Refused(f"deleting a key: {answer['error']['description']}")

    async def _ask(self, subject: str, body: bytes) -> dict[str, Any]:
        try:
            return await ask(self._client, subject, body)
        except (Unanswered, NatsError) as silence:
            raise LogUnavailable("asking for a key") from silence

    def _wrapped(self, subject: str, key: bytes) -> bytes:
        return self._wrapping.sealed(f"{subject} {key.hex()}", subject)

    def _unwrapped(self, subject: str, wrapped: bytes) -> bytes:
        """Raises `WrongMaster`."""
        named, _, key = (self._wrapping.opened(wrapped) or "").partition(" ")
        if named != subject:
            raise WrongMaster(
                f"the key of {subject}: restore subjects.master in the coordinator's folder of keys"
            )
        return bytes.fromhex(key)
