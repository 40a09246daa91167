"""The machines that coordinators run on: they die, stand still and start again, and one of them leads.

The leader's lock is PostgreSQL's: it is free once its holder is gone or has been silent for a while. A coordinator that
was frozen meanwhile goes on leading until it notices: the zombie.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from commands.event_log import Commit
from tests.simulation.coordinators import SimulatedCoordinator
from tests.simulation.servers import Servers
from tests.simulation.virtual_loop import Schedule, VirtualLoop

SUPERVISED_S: Final = 1.0
SILENT_MAX_S: Final = 3.0
DOWN_MAX_S: Final = 8.0
FROZEN_MAX_S: Final = 70.0
ZOMBIE_MAX_S: Final = 15.0
CROSSINGS_MAX: Final = 60
SKEWS_MS: Final = (0, 150)


class Machines:
    def __init__(self, servers: Servers, schedule: Schedule, loop: VirtualLoop) -> None:
        self.led_since_ms: int | None = None
        self.leader: SimulatedCoordinator | None = None
        self._servers = servers
        self._schedule = schedule
        self._loop = loop
        self._down_s = [SILENT_MAX_S] * len(SKEWS_MS)
        self._past: list[SimulatedCoordinator] = []
        self._frozen_at_s: dict[str, float] = {}
        self._present = [self._start(number) for number in range(len(SKEWS_MS))]
        self._supervise()

    def _start(self, number: int) -> SimulatedCoordinator:
        loop = VirtualLoop(self._schedule, skew_ms=SKEWS_MS[number])
        return SimulatedCoordinator(f"coordinator-{number}", self._servers, loop, partial(self._died, number))

    def _died(self, number: int) -> None:
        self._servers.tell(self._present[number].name, "dies")
        self._loop.call_later(self._down_s[number], self._start_again, number)

    def running(self) -> Sequence[SimulatedCoordinator]:
        """Those that have not died; some may be frozen."""
        return [one for one in self._present if one.is_alive]

    def every_life(self) -> Iterator[SimulatedCoordinator]:
        yield from self._past
        yield from self._present

    def hear_of(self, commit: Commit) -> None:
        for one in self.running():
            one.hear_of(commit)

    # What happens to them.

    def kill(self, number: int, size: float) -> None:
        """It dies within some crossings, or in a moment if it has nothing to do; and starts again in a while."""
        line = self._present[number].line
        self._down_s[number] = size * DOWN_MAX_S
        line.die_soon(int(size * CROSSINGS_MAX))
        self._loop.call_later(SILENT_MAX_S, line.die)

    def kill_at(self, number: int, crossing: int) -> None:
        """It dies at exactly this crossing, counted from its start."""
        self._present[number].line.dies_at = crossing

    def _start_again(self, number: int) -> None:
        dead = self._present[number]
        if not dead.is_alive:
            self._servers.tell(dead.name, "starts again")
            self._past.append(dead)
            self._frozen_at_s.pop(dead.name, None)
            self._present[number] = self._start(number)

    def freeze(self, number: int, size: float) -> None:
        coordinator = self._present[number]
        if coordinator.is_alive and not coordinator.is_frozen:
            self._servers.tell(coordinator.name, "stands still")
            coordinator.loop.freeze()
            self._frozen_at_s[coordinator.name] = self._loop.time()
            self._loop.call_later(size * FROZEN_MAX_S, self._thaw, coordinator)

    def _thaw(self, coordinator: SimulatedCoordinator) -> None:
        if coordinator.is_frozen:
            self._servers.tell(coordinator.name, "wakes")
            self._frozen_at_s.pop(coordinator.name, None)
            coordinator.wake()
            zombie_s = self._servers.network.rng.random() * ZOMBIE_MAX_S
            self._loop.call_later(zombie_s, self._notice, coordinator)

    def _notice(self, coordinator: SimulatedCoordinator) -> None:
        if coordinator.is_leading and coordinator is not self.leader:
            self._servers.tell(coordinator.name, "notices that it does not lead any more")
            coordinator.step_down()

    def heal(self) -> None:
        """From now on everything stays up."""
        for number, coordinator in enumerate(self._present):
            self._thaw(coordinator)
            coordinator.line.dies_at = None
            if not coordinator.is_alive:
                self._start_again(number)

    # Who leads.

    def _supervise(self) -> None:
        if not self._has_leader():
            self.leader, self.led_since_ms = None, None
            ready = (one for one in self.running() if one.planners is not None and not one.is_frozen)
            if (successor := next(ready, None)) is not None:
                self._servers.tell(successor.name, "leads")
                self.leader, self.led_since_ms = successor, self._servers.now_ms()
                successor.lead()
        elif self.leader is not None and self.leader.is_frozen:
            self.led_since_ms = None
        elif self.led_since_ms is None:
            self.led_since_ms = self._servers.now_ms()
        self._loop.call_later(SUPERVISED_S, self._supervise)

    def _has_leader(self) -> bool:
        if self.leader is None or not self.leader.is_alive:
            return False
        frozen_at_s = self._frozen_at_s.get(self.leader.name)
        return frozen_at_s is None or self._loop.time() - frozen_at_s < SILENT_MAX_S
