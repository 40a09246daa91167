"""Links between programs, as bad as the seed wants: they lose, double, delay and overtake.

Everything that happens by chance while a world runs is drawn from one generator, so one seed is one history.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.simulation.virtual_loop import VirtualLoop

LINK_MEAN_S: Final = 0.05
VERY_LATE_S: Final = (20.0, 90.0)
SLOW_CALL_S: Final = (0.2, 4.0)
CALL_LONGEST_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How often what goes wrong, as shares of 1. `slow_call` and what follows are about calls to log and mailbox."""

    lost: float = 0.0
    doubled: float = 0.0
    very_late: float = 0.0
    slow_call: float = 0.0
    lost_answer: float = 0.0
    unavailable: float = 0.0


FAIR: Final = Weather()
FOUL: Final = Weather(
    lost=0.08, doubled=0.1, very_late=0.03, slow_call=0.04, lost_answer=0.02, unavailable=0.01
)


class Network:
    def __init__(self, rng: random.Random, weather: Weather, loop: VirtualLoop) -> None:
        self.rng = rng
        self.weather = weather
        self._loop = loop

    def calm_down(self) -> None:
        """From now on everything arrives, once and soon."""
        self.weather = FAIR

    def is_bad(self, share: float) -> bool:
        """Whether the misfortune that befalls this share of all happens now."""
        return share > 0 and self.rng.random() < share

    def send(self, deliver: Callable[..., object], *args: Any) -> bool:
        """Delivers in a while: once, twice, or not at all. Returns whether the sender sees it arrive."""
        if self.is_bad(self.weather.lost):
            return False
        for _ in range(2 if self.is_bad(self.weather.doubled) else 1):
            self._loop.call_later(self._delay_s(), deliver, *args)
        return True

    def call_s(self) -> float:
        """How long a call to a server takes; 0 for no longer than it takes others to have a turn."""
        if self.is_bad(self.weather.slow_call):
            return self.rng.uniform(*SLOW_CALL_S)
        return 0.0 if self.rng.random() < 0.7 else self.rng.random() * CALL_LONGEST_S

    def _delay_s(self) -> float:
        if self.is_bad(self.weather.very_late):
            return self.rng.uniform(*VERY_LATE_S)
        return self.rng.expovariate(1 / LINK_MEAN_S)
