"""The whole log through the second fold: read as notifications of the `eventsourcing` library, page by page.

Called by the checks of `archipelago audit check`. Memory is bounded by accounts, islands and what may happen once to
them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from eventsourcing.persistence import ApplicationRecorder, Notification

from adapters.commit_recorder import address_of
from adapters.second_fold.entries import Entry, digest_after, entries_of
from adapters.second_fold.findings import Findings
from adapters.second_fold.islands import CHANGES, WITHOUT_STANDING, Islands
from adapters.second_fold.purses import Purses
from adapters.second_fold.signed_heads import SignedHeads

PAGE: Final = 2_000
KNOWN_VERSION: Final = 1
"""Every stored event has it so far. A later one is read only once its meaning is said here."""
BOOKED: Final = ("account.", "treasury.")
ISLAND: Final = "island."
CHECKPOINT: Final = "checkpoint.signed"


class OfBooks(msgspec.Struct, frozen=True):
    """A stored event whose every field may count."""

    version: int
    recorded_at_ms: int
    data: dict[str, Any]


class JobRef(msgspec.Struct, frozen=True):
    job_id: str
    island_id: str | None


class OfJob(msgspec.Struct, frozen=True):
    """A job's event, of which little counts here and much is skipped."""

    version: int
    data: JobRef


BOOKS: Final = msgspec.json.Decoder(OfBooks)
JOB: Final = msgspec.json.Decoder(OfJob)


@dataclass(slots=True)
class Refolded:
    """What the log comes to. `digest` stands for all `entries`, as the ledger's chain does."""

    findings: Findings
    purses: Purses
    islands: Islands
    position: int = 0
    events: int = 0
    entries: int = 0
    digest: bytes = b""


class Refold:
    """Takes one notification after the other."""

    def __init__(self, findings: Findings) -> None:
        self.state = Refolded(findings, Purses(findings), Islands(findings))
        self._heads = SignedHeads(findings)

    def take(self, notification: Notification) -> list[Entry]:
        """The entries that the event books; they are booked already."""
        state, name = self.state, notification.topic
        state.position, index = address_of(notification.id)
        state.events += 1
        if name.startswith(BOOKED):
            return self._book(notification, index)
        if name.startswith(ISLAND):
            self._take_island(notification)
        elif name == CHECKPOINT:
            event = BOOKS.decode(notification.state)
            self._check_version(notification, event.version)
            self._heads.meet(event.data, state.position)
        elif name in CHANGES:
            of_job = JOB.decode(notification.state)
            self._check_version(notification, of_job.version)
            data = {"job_id": of_job.data.job_id, "island_id": of_job.data.island_id}
            state.islands.take(name, data, state.position)
        return []

    def _book(self, notification: Notification, index: int) -> list[Entry]:
        state, event = self.state, BOOKS.decode(notification.state)
        self._check_version(notification, event.version)
        entries = entries_of(
            notification.topic,
            event.data,
            position=state.position,
            index=index,
            posted_at_ms=event.recorded_at_ms,
        )
        state.purses.take(
            notification.topic, str(notification.originator_id), event.data, entries, state.position
        )
        state.entries += len(entries)
        if entries:
            state.digest = digest_after(state.digest, entries)
            self._heads.move(state.position, state.digest)
        return entries

    def _take_island(self, notification: Notification) -> None:
        state, name, event = self.state, notification.topic, BOOKS.decode(notification.state)
        self._check_version(notification, event.version)
        if name not in CHANGES and name not in KNOWN_OF_ISLANDS:
            self._find(notification, f"{name} is unknown to the second fold")
        if f"{ISLAND}{event.data['island_id']}" != notification.originator_id:
            self._find(notification, f"{name} names island {event.data['island_id']}")
        state.islands.take(name, event.data, state.position)

    def _check_version(self, notification: Notification, version: int) -> None:
        if version != KNOWN_VERSION:
            self._find(notification, f"{notification.topic} version {version} is unknown to the second fold")

    def _find(self, notification: Notification, fault: str) -> None:
        who = str(notification.originator_id).replace(".", " ", 1)
        self.state.findings.add(who, fault, self.state.position)


KNOWN_OF_ISLANDS: Final = WITHOUT_STANDING | {"island.enrolled", "island.paired", "island.payouts_unlocked"}


def refold(recorder: ApplicationRecorder, progress: Callable[[int], None]) -> Refolded:
    """Folds the log and checks every law on the way; `findings` are empty where all of them hold."""
    fold = Refold(Findings())
    for page in pages(recorder):
        for notification in page:
            fold.take(notification)
        progress(fold.state.position)
    fold.state.purses.close(fold.state.position)
    return fold.state


def pages(recorder: ApplicationRecorder) -> Iterator[Sequence[Notification]]:
    start = 0
    while page := recorder.select_notifications(start, PAGE):
        yield page
        start = page[-1].id + 1
