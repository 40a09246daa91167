"""The event log as the `eventsourcing` library reads one: commits become its notifications, and nothing is decoded.

Used by whoever folds the log a second time, from the fabric or from an exported file. It only reads: facts are recorded
by `adapters.nats.event_log` alone. An id is the address of its event: `address_of` gives back position and index.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NoReturn
from uuid import UUID

import msgspec
from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    ProgrammingError,
    StoredEvent,
    Subscription,
)

from commands.raw_commit import RawCommit

INDEX_BITS: Final = 20
"""A commit has far fewer events than that; 43 bits are left for positions."""

Read = Callable[[int], Iterator[Sequence[RawCommit]]]
"""Batches of commits behind a position, in order, to the end."""


class Stored(msgspec.Struct, frozen=True):
    """One event as it stands in a body."""

    name: str
    version: int
    data: msgspec.Raw


BODY: Final = msgspec.json.Decoder(list[Stored])


class CommitRecorder(ApplicationRecorder):
    """The topic of an event is its stored name, its state `{"version", "recorded_at_ms", "data"}` as JSON, its
    originator `<category>.<id>`. Versions rise with the log; ids leave gaps.

    Reading on where the last page ended costs nothing more; any other start begins to read anew.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._next_id: int | None = None  # Where the page before ended, while there may be more behind it.
        self._rest: Iterator[Notification] = iter(())

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        first = 0 if start is None else start + (not inclusive_of_start)
        if first != self._next_id:
            self._rest = self._from(first)
        self._next_id = None
        found: list[Notification] = []
        for notification in self._rest:
            if stop is not None and notification.id > stop:
                self._rest = iter(())
                return found
            if not topics or notification.topic in topics:
                found.append(notification)
                if len(found) == limit:
                    self._next_id = notification.id + 1
                    return found
        return found

    def _from(self, first: int) -> Iterator[Notification]:
        position, _ = address_of(first)
        for batch in self._read(max(0, position - 1)):
            for commit in batch:
                for notification in notifications_of(commit):
                    if notification.id >= first:
                        yield notification

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Reads the whole log."""
        found = [
            event
            for event in self._from(0)
            if event.originator_id == originator_id
            and (gt is None or event.originator_version > gt)
            and (lte is None or event.originator_version <= lte)
        ]
        return (found[::-1] if desc else found)[:limit]

    def max_notification_id(self) -> int | None:
        """Reads the whole log."""
        return max((notification.id for notification in self._from(0)), default=None)

    def insert_events(self, stored_events: Sequence[StoredEvent], **_kwargs: Any) -> NoReturn:  # noqa: ARG002 - named by the library
        raise ProgrammingError("facts are recorded by the coordinator alone")

    def subscribe(
        self,
        gt: int | None = None,  # noqa: ARG002 - named by the library
        topics: Sequence[str] = (),  # noqa: ARG002 - named by the library
    ) -> Subscription[ApplicationRecorder]:
        raise ProgrammingError("this reads a log to its end; it does not follow one")


def notifications_of(commit: RawCommit) -> Iterator[Notification]:
    """Each event of a commit, in order."""
    originator = commit.subject.partition(".")[2]
    for index, stored in enumerate(BODY.decode(commit.body)):
        number = id_of(commit.position, index)
        head = b'{"version":%d,"recorded_at_ms":%d,"data":' % (stored.version, commit.recorded_at_ms)
        yield Notification(originator, number, stored.name, head + bytes(stored.data) + b"}", number)


def id_of(position: int, index: int) -> int:
    return position << INDEX_BITS | index


def address_of(number: int) -> tuple[int, int]:
    """Position and index of the event with that id."""
    return number >> INDEX_BITS, number & (1 << INDEX_BITS) - 1
