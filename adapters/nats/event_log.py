"""JetStream as the event log: one stream, one subject per aggregate, one message per commit.

Keeps `commands.event_log.EventLog`. Whatever the server answers to an append, or when it answers nothing, our commit
can only be the *first* one behind the expected position on its subject: reading that one back from the leader decides.
One server reports our own retry as a conflict and three servers as a duplicate; both end here in the same way.
"""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError, NoRespondersError

from adapters import codec
from adapters.field_cipher import FieldCipher
from adapters.nats import subjects
from adapters.nats.first_time import first_recorded_at_ms
from adapters.nats.replies import (
    Refused,
    Unanswered,
    ask,
    position_of,
    read_batches,
    read_next,
    recorded_at_ms,
)
from commands.event_log import CommandReused, Commit, Conflict, LogUnavailable, Origin, Past

APPEND_TRIES_MAX: Final = 5
APPEND_TIMEOUT_S: Final = 2.0
PAUSE_FIRST_S: Final = 0.05
NOT_FOUND: Final = 10037
CONFLICTS: Final = frozenset(
    {10071, 10164, 10201}
)  # Wrong last sequence; another write in flight; batch duplicate.
OPTIONAL_HEADERS: Final = {
    "cause": subjects.CAUSE,
    "actor": subjects.ACTOR,
    "correlation_id": subjects.CORRELATION,
}


class JetStreamEventLog:
    def __init__(
        self,
        client: Client,
        cipher: FieldCipher | None = None,
        *,
        append_timeout_s: float = APPEND_TIMEOUT_S,
    ) -> None:
        """`cipher` seals marked fields as they are written; whoever only reads needs none."""
        self._client = client
        self._cipher = cipher
        self._append_timeout_s = append_timeout_s

    async def load(self, stream: str, *, after: int = 0) -> Past:
        subject = subjects.fact(stream)
        events: list[Any] = []
        version = after
        try:
            # Most loads find nothing or one commit; only a longer past is worth a batch.
            found = await read_next(self._client, subjects.EVT, subject, start=after + 1)
            if found is not None:
                events.extend(codec.decode(found.data))
                version = position_of(found)
                async for batch in read_batches(self._client, subjects.EVT, subject, start=version + 1):
                    for message in batch:
                        events.extend(codec.decode(message.data))
                        version = position_of(message)
        except Unanswered as silence:
            raise LogUnavailable(f"loading {stream}") from silence
        return Past(events=tuple(events), version=version)

    async def first(self, stream: str) -> Commit | None:
        try:
            found = await read_next(self._client, subjects.EVT, subjects.fact(stream), start=1)
        except Unanswered as silence:
            raise LogUnavailable(f"loading {stream}") from silence
        return None if found is None else commit_of(found)

    async def history(self, stream: str) -> Sequence[Commit]:
        subject = subjects.fact(stream)
        try:
            batches = read_batches(self._client, subjects.EVT, subject, start=1)
            return [commit_of(message) async for batch in batches for message in batch]
        except Unanswered as silence:
            raise LogUnavailable(f"loading {stream}") from silence

    async def append(self, stream: str, events: Sequence[Any], *, expected: int, origin: Origin) -> int:
        subject = subjects.fact(stream)
        if self._cipher is not None:
            events = await self._cipher.sealed(events, origin.command_id)
        body = codec.encode(events)
        headers = headers_of(origin, body, expected)
        for number in range(APPEND_TRIES_MAX):
            ack = await self._publish(subject, body, headers)
            # Look for the error first: a refusal carries a sequence of 0 as well.
            if ack and "error" not in ack and not ack.get("duplicate"):
                return int(ack["seq"])
            code = ack.get("error", {}).get("err_code")
            if code is not None and code not in CONFLICTS:
                raise Refused(f"append to {subject}: {ack['error']['description']}")
            position = await self._find_own(subject, expected, headers)
            if position is not None:
                return position
            await asyncio.sleep(PAUSE_FIRST_S * 2**number)
        raise LogUnavailable(f"append to {subject}: no answer in {APPEND_TRIES_MAX} tries")

    async def _publish(self, subject: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        """The server's answer, or nothing where none came."""
        try:
            reply = await self._client.request(subject, body, headers=headers, timeout=self._append_timeout_s)
        except (TimeoutError, NoRespondersError, ConnectionClosedError):
            return {}
        answer: dict[str, Any] = json.loads(reply.data)
        return answer

    async def _find_own(self, subject: str, expected: int, headers: dict[str, str]) -> int | None:
        """The position of our commit where it was recorded, None where nothing followed `expected` yet.

        Asked of the leader: a direct get may be answered by a replica that is behind. Raises `Conflict` when somebody
        else's commit is there, and `CommandReused` when the same command was recorded with other content.
        """
        query = json.dumps({"seq": expected + 1, "next_by_subj": subject}).encode()
        try:
            answer = await ask(
                self._client,
                f"$JS.API.STREAM.MSG.GET.{subjects.EVT}",
                query,
                timeout_s=self._append_timeout_s,
            )
        except Unanswered:
            return None
        if "error" in answer:
            if answer["error"].get("err_code") == NOT_FOUND:
                return None
            raise Refused(f"reading {subject}: {answer['error']['description']}")
        message = answer["message"]
        stored = parse_headers(base64.b64decode(message.get("hdrs", "")))
        if stored.get(subjects.COMMAND_ID) != headers[subjects.COMMAND_ID]:
            raise Conflict(subject)
        if stored.get(subjects.BODY_HASH) != headers[subjects.BODY_HASH]:
            raise CommandReused(headers[subjects.COMMAND_ID])
        return int(message["seq"])

    async def read(self, *, after: int, up_to: int | None = None) -> AsyncIterator[Sequence[Commit]]:
        try:
            async for batch in read_batches(
                self._client, subjects.EVT, "evt.>", start=after + 1, up_to=up_to
            ):
                yield [commit_of(message) for message in batch]
        except Unanswered as silence:
            raise LogUnavailable("reading the log") from silence

    async def last_position(self) -> int:
        try:
            answer = await ask(self._client, f"$JS.API.STREAM.INFO.{subjects.EVT}")
        except Unanswered as silence:
            raise LogUnavailable("asking for the log's end") from silence
        if "error" in answer:
            raise Refused(answer["error"]["description"])
        return int(answer["state"]["last_seq"])


def headers_of(origin: Origin, body: bytes, expected: int) -> dict[str, str]:
    headers = {
        subjects.EXPECTED: str(expected),
        subjects.COMMAND_ID: origin.command_id,
        subjects.BODY_HASH: hashlib.sha256(body).hexdigest(),
    }
    for field, header in OPTIONAL_HEADERS.items():
        if value := getattr(origin, field):
            headers[header] = value
    return headers


def parse_headers(raw: bytes) -> dict[str, str]:
    """Header lines of a stored message as the leader returns them."""
    lines = raw.decode().split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def origin_of(headers: Mapping[str, str]) -> Origin:
    optional = {field: headers.get(header) for field, header in OPTIONAL_HEADERS.items()}
    return Origin(command_id=headers.get(subjects.COMMAND_ID, ""), **optional)


def commit_of(message: Msg) -> Commit:
    """A commit from a message that came by direct get."""
    headers = message.headers
    assert headers is not None
    return Commit(
        position=int(headers["Nats-Sequence"]),
        stream=headers["Nats-Subject"].removeprefix("evt."),
        events=codec.decode(message.data),
        recorded_at_ms=first_recorded_at_ms(headers, recorded_at_ms(headers["Nats-Time-Stamp"])),
        origin=origin_of(headers),
    )
