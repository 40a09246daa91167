"""The whole write path: load, decide, append, and again if somebody was faster.

Called by the API's routes, the intake and the processes. States of recent aggregates stay in memory, so a command is
usually one append. The expected version keeps that memory honest: a stale state is refused by the log. A "no" or a
"nothing to do" appends nothing that could be refused, so before either is answered the log is read again. What lives
long is not folded from its first event, but from a snapshot whose last commit is still where it was.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from commands.event_log import Commit, Conflict, EventLog, Origin
from commands.snapshots import LONG_LIVED, NoSnapshots, Snapshot, Snapshots, is_due
from domain.decider import Decider
from domain.rejection import Rejected

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E")

TRIES_MAX: Final = 8
PAUSE_FIRST_S: Final = 0.005
AGGREGATES_CACHED_MAX: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled(Generic[S, E]):
    """What was decided. A reader that waits for `position` sees it (read-your-writes)."""

    events: tuple[E, ...]
    state: S
    position: int


@dataclass(slots=True)
class _Known:
    """`events` were folded into `state`; of that many (`kept`) there is a snapshot."""

    state: Any
    version: int
    events: int = 0
    kept: int = 0


class CommandHandler:
    """Runs commands on one log. Commands on one aggregate wait for each other here instead of racing at the server."""

    def __init__(self, log: EventLog, snapshots: Snapshots | None = None) -> None:
        self._log = log
        self._snapshots = snapshots or NoSnapshots()
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._turns: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}

    async def handle(
        self, decider: Decider[C, S, E], aggregate_id: str, command: C, *, origin: Origin
    ) -> Handled[S, E]:
        """Runs one command on one aggregate. No events means that it was so already.

        Raises `Rejected` as the decider does, `Conflict` after `TRIES_MAX` lost races, and what `append` raises.
        """
        stream = decider.stream(aggregate_id)
        turn = self._turns.setdefault(stream, asyncio.Lock())
        self._waiting[stream] = self._waiting.get(stream, 0) + 1
        try:
            async with turn:
                return await self._decide_and_append(decider, stream, command, origin)
        finally:
            self._waiting[stream] -= 1
            if not self._waiting[stream]:
                del self._waiting[stream], self._turns[stream]

    async def recent_state(self, decider: Decider[C, S, E], aggregate_id: str) -> S:
        """A state that was true a moment ago. Good for looking around before a command, which decides on the truth."""
        known = self._known.get(decider.stream(aggregate_id))
        return await self.state(decider, aggregate_id) if known is None else known.state

    async def state(self, decider: Decider[C, S, E], aggregate_id: str) -> S:
        """The present state of one aggregate, read from the log where it is not known already."""
        return (await self._refresh(decider, decider.stream(aggregate_id))).state  # type: ignore[no-any-return]  # the cache holds states of many types

    async def first(self, decider: Decider[C, S, E], aggregate_id: str) -> Commit | None:
        """The first commit of one aggregate, or None where it has none."""
        return await self._log.first(decider.stream(aggregate_id))

    async def history(self, decider: Decider[C, S, E], aggregate_id: str) -> Sequence[Commit]:
        """Every commit of one aggregate, oldest first."""
        return await self._log.history(decider.stream(aggregate_id))

    async def _decide_and_append(
        self, decider: Decider[C, S, E], stream: str, command: C, origin: Origin
    ) -> Handled[S, E]:
        known = self._known.get(stream)
        if known is None or not decides_something(decider, known.state, command):
            known = await self._refresh(decider, stream)
        for number in range(TRIES_MAX):
            events = decider.decide(known.state, command)
            if not events:
                self._remember(stream, known)
                return Handled(events=(), state=known.state, position=known.version)
            try:
                position = await self._log.append(stream, events, expected=known.version, origin=origin)
            except Conflict:
                # In a cluster a replica may answer the load a moment behind the one that refused us.
                await asyncio.sleep(PAUSE_FIRST_S * 2**number if number else 0)
                known = await self._refresh(decider, stream)
                continue
            except BaseException:
                self._known.pop(stream, None)  # Recorded or not: unknown, so the next command reads it again.
                raise
            state = decider.fold(events, known.state)
            known = _Known(state, position, known.events + len(events), known.kept)
            self._keep_if_due(decider, stream, known, origin)
            self._remember(stream, known)
            return Handled(events=tuple(events), state=known.state, position=position)
        raise Conflict(stream)

    async def _refresh(self, decider: Decider[C, S, E], stream: str) -> _Known:
        known = self._known.get(stream) or await self._last_kept(decider, stream)
        past = await self._log.load(stream, after=known.version)
        state = decider.fold(past.events, known.state)
        known = _Known(state, past.version, known.events + len(past.events), known.kept)
        self._remember(stream, known)
        return known

    async def _last_kept(self, decider: Decider[C, S, E], stream: str) -> _Known:
        """The newest snapshot of an aggregate, where it has one of this log, else its beginning."""
        if decider.category in LONG_LIVED:
            snapshot = await self._snapshots.newest(stream, type(decider.initial))
            if snapshot is not None and await self._is_recorded(stream, snapshot):
                return _Known(snapshot.state, snapshot.version, snapshot.events, snapshot.events)
        return _Known(decider.initial, 0)

    async def _is_recorded(self, stream: str, snapshot: Snapshot[Any]) -> bool:
        at = snapshot.version
        async for commits in self._log.read(after=at - 1, up_to=at):
            return any(
                (commit.position, commit.stream, commit.origin.command_id)
                == (at, stream, snapshot.command_id)
                for commit in commits
            )
        return False

    def _keep_if_due(self, decider: Decider[C, S, E], stream: str, known: _Known, origin: Origin) -> None:
        if decider.category in LONG_LIVED and is_due(known.events, known.kept):
            known.kept = known.events
            snapshot = Snapshot(
                state=known.state,
                version=known.version,
                events=known.events,
                command_id=origin.command_id,
            )
            self._snapshots.keep(stream, snapshot)

    def _remember(self, stream: str, known: _Known) -> None:
        self._known[stream] = known
        self._known.move_to_end(stream)
        while len(self._known) > AGGREGATES_CACHED_MAX:
            self._known.popitem(last=False)


def decides_something(decider: Decider[C, S, E], state: S, command: C) -> bool:
    try:
        return bool(decider.decide(state, command))
    except Rejected:
        return False
