"""The whole write path: load, decide, append, and again if somebody was faster.

Called by the API's routes, the intake and the processes. States of recent aggregates stay in memory, so a command is
usually one append. The expected version keeps that memory honest: a stale state is refused by the log. A "no" or a
"nothing to do" appends nothing that could be refused, so before either is answered the log is read again.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from commands.event_log import Conflict, EventLog, Origin
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
    state: Any
    version: int


class CommandHandler:
    """Runs commands on one log. Commands on one aggregate wait for each other here instead of racing at the server."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
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
            known = _Known(decider.fold(events, known.state), position)
            self._remember(stream, known)
            return Handled(events=tuple(events), state=known.state, position=position)
        raise Conflict(stream)

    async def _refresh(self, decider: Decider[C, S, E], stream: str) -> _Known:
        known = self._known.get(stream) or _Known(decider.initial, 0)
        past = await self._log.load(stream, after=known.version)
        known = _Known(decider.fold(past.events, known.state), past.version)
        self._remember(stream, known)
        return known

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
