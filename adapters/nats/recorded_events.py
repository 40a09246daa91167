"""How events of the `eventsourcing` library stand in a message: a JSON body with the events of one aggregate.

Used by the recorder alone. What the library calls state may be compressed and encrypted; here it is bytes.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final
from urllib.parse import quote, unquote
from uuid import UUID

import msgspec
from eventsourcing.persistence import Notification, StoredEvent
from nats.aio.msg import Msg

LAST_VERSION: Final = "Last-Version"
"""The header with the version of the last event in a message."""


class Recorded(msgspec.Struct, frozen=True, array_like=True):
    """One event as it stands in a body. `state` are the library's bytes, possibly compressed and encrypted."""

    version: int
    topic: str
    state: bytes


class Body(msgspec.Struct, frozen=True):
    """The events of one save of one aggregate. `is_uuid`: its id is a UUID, else a text."""

    is_uuid: bool
    events: list[Recorded]


DECODER: Final = msgspec.json.Decoder(Body)


def grouped(stored_events: Sequence[StoredEvent]) -> list[list[StoredEvent]]:
    """The events of each aggregate, in order of its first."""
    groups: dict[UUID | str, list[StoredEvent]] = {}
    for event in stored_events:
        groups.setdefault(event.originator_id, []).append(event)
    return list(groups.values())


def is_rising(versions: Sequence[int]) -> bool:
    """Whether each version is above the one before; snapshots leave some out."""
    return all(before < after for before, after in pairwise(versions))


def body_of(group: Sequence[StoredEvent]) -> bytes:
    events = [Recorded(event.originator_version, event.topic, event.state) for event in group]
    return msgspec.json.encode(Body(isinstance(group[0].originator_id, UUID), events))


def events_of(message: Msg) -> list[StoredEvent]:
    """The events of a commit that came by direct get."""
    assert message.headers is not None
    text = unquote(message.headers["Nats-Subject"].rpartition(".")[2])
    body = DECODER.decode(message.data)
    originator_id = UUID(text) if body.is_uuid else text
    return [StoredEvent(originator_id, one.version, one.topic, one.state) for one in body.events]


def event_count(message: Msg) -> int:
    return len(DECODER.decode(message.data).events)


def notification_of(event: StoredEvent, number: int) -> Notification:
    return Notification(event.originator_id, event.originator_version, event.topic, event.state, number)


def last_version(message: Msg) -> int:
    assert message.headers is not None
    return int(message.headers[LAST_VERSION])


def escaped(originator_id: str) -> str:
    """An id as one token of a subject."""
    return quote(originator_id, safe="").replace(".", "%2E")
