"""Where a program meets the outside: each crossing is an await, takes time, and may be the last thing it does."""

import asyncio
from collections.abc import Callable

from tests.simulation.network import Network


class ProgramDied(ConnectionError):
    """The program was killed at this very await. What it still does in memory reaches nobody."""


class Line:
    """One program's calls to log, mailbox and database, counted. `dies_at` is the crossing it does not survive."""

    def __init__(self, network: Network, on_death: Callable[[], None]) -> None:
        self.crossings = 0
        self.dies_at: int | None = None
        self.is_dead = False
        self._network = network
        self._on_death = on_death

    async def cross(self, *, after_s: float = 0.0) -> None:
        """The way to the server. Raises `ProgramDied` before anything arrived there."""
        self._count()
        await asyncio.sleep(after_s + self._network.call_s())
        self._check_alive()

    async def cross_back(self) -> None:
        """The way back from the server. Raises `ProgramDied` behind the effect that nobody then knows of."""
        self._count()
        await asyncio.sleep(0)
        self._check_alive()

    def die_soon(self, crossings: int) -> None:
        """Lets the program live for as many crossings more."""
        self.dies_at = self.crossings + max(1, crossings)

    def die(self) -> None:
        if not self.is_dead:
            self.is_dead = True
            self._on_death()

    def is_unavailable(self) -> bool:
        return self._network.is_bad(self._network.weather.unavailable)

    def loses_answer(self) -> bool:
        return self._network.is_bad(self._network.weather.lost_answer)

    def _count(self) -> None:
        self.crossings += 1
        if self.crossings == self.dies_at:
            self.die()
        self._check_alive()

    def _check_alive(self) -> None:
        if self.is_dead:
            raise ProgramDied
