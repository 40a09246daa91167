"""Many programs on one machine that has no clock: every turn of every task is one step, and the seed orders them.

Each simulated program has an event loop of its own, so that it can be frozen and thawed as a process can (SIGSTOP).
All loops share one `Schedule`. Time jumps from timer to timer; nothing sleeps and nothing waits for a real socket.
"""

import asyncio
import heapq
from asyncio.events import _set_running_loop
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, TypeVarTuple, Unpack

Ts = TypeVarTuple("Ts")


class Schedule:
    """What is to be done next, and when. Turns that are due run in the order in which they were asked for."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.steps = 0
        self.is_stopped = False
        self.faults: list[dict[str, Any]] = []
        self._ready: deque[asyncio.Handle] = deque()
        self._later: list[tuple[float, int, asyncio.Handle]] = []
        self._asked = 0

    def soon(self, turn: asyncio.Handle) -> None:
        self._ready.append(turn)

    def at(self, when_s: float, turn: asyncio.Handle) -> None:
        self._asked += 1
        heapq.heappush(self._later, (when_s, self._asked, turn))

    def run(self, until_s: float) -> None:
        """Runs what is due up to `until_s`, or until stopped."""
        ready, later = self._ready, self._later
        while not self.is_stopped:
            if ready:
                turn = ready.popleft()
            elif later and later[0][0] <= until_s:
                when_s, _, turn = heapq.heappop(later)
                self.now_s = max(self.now_s, when_s)
            else:
                self.now_s = max(self.now_s, until_s)
                return
            if turn.cancelled():
                continue
            loop: VirtualLoop = turn._loop  # type: ignore[attr-defined]  # the stubs leave the attribute out
            if loop.held is not None:
                loop.held.append(turn)
                continue
            self.steps += 1
            _set_running_loop(loop)
            try:
                turn._run()
            finally:
                _set_running_loop(None)


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop of one program. `skew_ms` is how far its clock is from the others'."""

    def __init__(self, schedule: Schedule, *, skew_ms: int = 0) -> None:
        super().__init__()
        self.skew_ms = skew_ms
        self.held: list[asyncio.Handle] | None = None
        self._schedule = schedule

    def time(self) -> float:
        return self._schedule.now_s

    def freeze(self) -> None:
        """From now on nothing of this program runs; what becomes due is held back."""
        if self.held is None:
            self.held = []

    def thaw(self) -> None:
        """It goes on where it stood, with everything that became due in between."""
        held, self.held = self.held or [], None
        for turn in held:
            self._schedule.soon(turn)

    def call_soon(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        turn = asyncio.Handle(callback, args, self, context or copy_context())
        self._schedule.soon(turn)
        return turn

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        turn = asyncio.TimerHandle(when, callback, args, self, context or copy_context())
        self._schedule.at(when, turn)
        return turn

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self._schedule.faults.append(context)
