"""Wakes whoever waits for something to happen to a job, an account, the islands or the catalogue.

One reader of the log's live end per process; open streams and WebSocket subscriptions wait here and then ask the read
side what changed. A watch keeps the newest position that concerns it and nothing else, so a slow reader costs no
memory and misses nothing. Revocations of API keys are heard here as well.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from adapters.nats.event_tail import EventTail
from api.key_ring import KeyRing
from commands.event_log import Commit, EventLog

ISLANDS: Final = "islands"
CARGOS: Final = "cargos"
MARKET: Final = "market"
EVERYTHING: Final = "everything"
SEEN_WAIT_S: Final = 0.5


def of_account(account_id: str) -> str:
    """The topic of all that concerns an account: its jobs, credits and earnings."""
    return f"account.{account_id}"


def of_job(job_id: str) -> str:
    return f"job.{job_id}"


def of_batch(batch_id: str) -> str:
    return f"batch.{batch_id}"


class Watch:
    """One waiting reader. `position` is the newest commit on its topic that was seen here."""

    def __init__(self, position: int) -> None:
        self.position = position
        self._moved = asyncio.Event()

    def tell(self, position: int) -> None:
        self.position = position
        self._moved.set()

    async def behind(self, position: int) -> int:
        """Waits for a commit behind `position` and returns the newest one's position."""
        while self.position <= position:
            self._moved.clear()
            await self._moved.wait()
        return self.position


class Changes:
    def __init__(self, log: EventLog, tail: EventTail, keys: KeyRing) -> None:
        self._log = log
        self._tail = tail
        self._keys = keys
        self._watches: dict[str, set[Watch]] = {}
        self._position = 0

    @property
    def position(self) -> int:
        """The newest position of the log that was seen here."""
        return self._position

    async def begin(self) -> None:
        """Finds the log's present end, before anybody is served. Raises `LogUnavailable`."""
        self._position = await self._log.last_position()

    async def run(self) -> None:
        """Reads on from there until cancelled; run again after a fault, it goes on where it was."""
        async for commits in self._tail.follow(self._position):
            for commit in commits:
                self._take(commit)
                self._position = commit.position

    async def has_seen(self, position: int) -> bool:
        """Whether the log has come to `position`; one that another coordinator just wrote is waited for."""
        if position > self._position:
            with self.watch(EVERYTHING) as watch, suppress(TimeoutError):
                async with asyncio.timeout(SEEN_WAIT_S):
                    await watch.behind(position - 1)
        return position <= self._position

    def _take(self, commit: Commit) -> None:
        for event in commit.events:
            self._keys.take(event)
        for topic in topics_of(commit):
            for watch in self._watches.get(topic, ()):
                watch.tell(commit.position)

    @contextmanager
    def watch(self, topic: str) -> Iterator[Watch]:
        """A watch on one topic. Read the present after taking it, so that nothing falls in between."""
        watch = Watch(0)
        watches = self._watches.setdefault(topic, set())
        watches.add(watch)
        try:
            yield watch
        finally:
            watches.discard(watch)
            if not watches and self._watches.get(topic) is watches:
                del self._watches[topic]


def topics_of(commit: Commit) -> Iterable[str]:
    """Whom a commit may concern. An island's standing changes with its jobs as well."""
    category = commit.stream.partition(".")[0]
    topics = {EVERYTHING}
    if category in {"job", "account", "batch"}:
        topics.add(commit.stream)
    if category == "cargo":
        topics.add(CARGOS)
    if category == "exchange":
        topics.add(MARKET)
    for event in commit.events:
        if account_id := getattr(event, "account_id", None):
            topics.add(of_account(account_id))
        if getattr(event, "island_id", None):
            topics.add(ISLANDS)
    return topics
