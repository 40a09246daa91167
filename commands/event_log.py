"""What the write side needs from an event log. `adapters.nats.event_log` provides it on JetStream.

One decision on one aggregate is one commit, and one commit is one message: atomic by nature. Every implementation is
held to the same contract suite, `tests/commands/event_log_contract.py`.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Conflict(Exception):
    """The aggregate moved since it was read. Load again and decide again."""


class CommandReused(Exception):
    """The same command id with other content: a programming error, never retried."""


class LogUnavailable(Exception):
    """No answer within the bound, and nothing of ours in the log. The caller may try again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a command comes from. `command_id` makes its append repeatable; `cause` is the address of the event that
    a process reacted to, `<position>.<index>`; `actor` the API key or island that asked; `correlation_id` the request.
    """

    command_id: str
    cause: str | None = None
    actor: str | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The events of one decision. An event's address is `(position, index in events)`."""

    position: int
    stream: str
    events: tuple[Any, ...]
    recorded_at_ms: int
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """All events of one aggregate behind the asked version, oldest first. `version` is opaque: hand it to `append`."""

    events: tuple[Any, ...]
    version: int


class EventLog(Protocol):
    async def load(self, stream: str, *, after: int = 0) -> Past:
        """What is recorded on `<category>.<id>` behind version `after`; version `after` where nothing is."""
        ...

    async def first(self, stream: str) -> Commit | None:
        """The first commit of an aggregate, or None where it has none."""
        ...

    async def history(self, stream: str) -> Sequence[Commit]:
        """Every commit of an aggregate, oldest first: as `load`, with the address and the origin of each event."""
        ...

    async def append(self, stream: str, events: Sequence[Any], *, expected: int, origin: Origin) -> int:
        """Records one commit, whole or not at all, and returns its position.

        Raises `Conflict` when the aggregate is no longer at version `expected`, `CommandReused`, `LogUnavailable`.
        Repeating a call whose answer was lost returns the position of the first try and writes nothing.
        """
        ...

    def read(self, *, after: int, up_to: int | None = None) -> AsyncIterator[Sequence[Commit]]:
        """Every commit behind position `after` up to the present end (or `up_to`), in order, batch by batch."""
        ...

    async def last_position(self) -> int:
        """The position of the newest commit, 0 where there is none."""
        ...
