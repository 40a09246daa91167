"""Snapshots: the state of a long-lived aggregate as it once was, so that a restart need not fold all of its past.

Asked by `commands.handle` for what it does not know, and given a state now and then. Derived data: a snapshot may be
lost, late, or refused because another program made it. A snapshot and the rest of the log fold to the same state as
the whole log. `adapters.postgres.snapshots` provides them.
"""

from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

S = TypeVar("S")

LONG_LIVED: Final = frozenset({"account", "island", "cargo", "exchange", "checkpoint"})
"""Categories whose aggregates live as long as people, machines and programs do; all others end soon."""
UNKEPT_EVENTS_MIN: Final = 1_000
UNKEPT_SHARE_MAX: Final = 1 / 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Generic[S]):
    """`state` is what `events` events folded to, up to version `version`, which the command `command_id` wrote.

    The command makes sure of the log: one that was restored from an older copy has another commit at that version.
    """

    state: S
    version: int
    events: int
    command_id: str


class Snapshots(Protocol):
    async def newest(self, stream: str, kind: type[S]) -> Snapshot[S] | None:
        """The last snapshot that was kept of an aggregate, or None. Never raises: there is always the log."""
        ...

    def keep(self, stream: str, snapshot: Snapshot[Any]) -> None:
        """Keeps a snapshot, later and in the background, or not at all. Never raises and never waits."""
        ...


class NoSnapshots:
    """Keeps nothing: every past is folded from its beginning."""

    async def newest(self, _stream: str, _kind: type[S]) -> Snapshot[S] | None:
        return None

    def keep(self, _stream: str, _snapshot: Snapshot[Any]) -> None:
        return


def is_due(events: int, kept: int) -> bool:
    """Whether a state of `events` events is to be kept, where one of `kept` events is.

    A snapshot is as large as its past, so a longer past is kept less often: each event is then written about sixteen
    times in all, however many follow, and at most a sixteenth of a past is ever folded again.
    """
    return events - kept >= max(UNKEPT_EVENTS_MIN, kept * UNKEPT_SHARE_MAX)
