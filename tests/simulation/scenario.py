"""What people, islands and machines do in one world, and when: drawn from the seed before the world begins.

A scenario is a list, so a failing one can be made shorter: see `shortest`.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from tests.simulation.islands import Habits, Lie
from tests.simulation.network import FAIR, FOUL, Weather

CHAOS_S: Final = 120.0
ISLANDS: Final = 4
COORDINATORS: Final = 2
JOBS_MAX: Final = 6
KILLED_CARGOS: Final = 0.1  # The share of worlds in which the cargo is killed.
JOINS_AGAIN_WITHIN_S: Final = 10.0  # Whoever hears nothing tries again, with another key.
BATCHES: Final = 0.5  # The share of worlds with a batch.


class Act(StrEnum):
    """Something that happens to the world from outside."""

    SUBMIT = "submit"  # A person submits a job; perhaps twice at once, perhaps giving up halfway.
    CANCEL = "cancel"  # A person cancels a job.
    SUBMIT_BATCH = "submit batch"  # A person submits one job on many inputs.
    CANCEL_BATCH = "cancel batch"  # And wants it no longer.
    SUSPEND = "suspend"  # An operator suspends an island.
    REINSTATE = "reinstate"  # And lets it work again.
    REMOVE = "remove"  # An owner takes an island out of the network.
    REVOKE = "revoke"  # An operator revokes an island's key.
    JOIN = "join"  # An island joins again, with a new key, and its owner vouches for it.
    PAIR = "pair"  # An owner types in the code of an island that waits.
    CRASH = "crash"  # An island loses everything it runs and starts again later.
    VANISH = "vanish"  # An island is cut off for a while and comes back late.
    LIE = "lie"  # An island says what is not so.
    FLOOD = "flood"  # An island says too much.
    KILL_CARGO = "kill cargo"  # An operator switches the cargo off for everybody.
    REVIVE_CARGO = "revive cargo"  # And on again.
    KILL = "kill"  # A coordinator dies at one of its next awaits and starts again later.
    FREEZE = "freeze"  # A coordinator stands still; when it wakes it may not know that another one leads.


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """`who` counts jobs, islands or coordinators. `size` is between 0 and 1 and means what the act makes of it."""

    at_s: float
    act: Act
    who: int
    size: float
    lie: Lie | None = None

    def __str__(self) -> str:
        lie = f" {self.lie}" if self.lie else ""
        return f"{self.act} {self.who}{lie} (size {self.size:.2f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`pending` are islands that wait for their pairing."""

    seed: int
    weather: Weather
    habits: Habits
    pending: frozenset[int] = frozenset()
    happenings: Sequence[Happening] = field(default=())


def scenario_of(seed: int) -> Scenario:
    rng = random.Random(f"scenario {seed}")
    jobs = rng.randint(2, JOBS_MAX)
    happenings = [happening(rng, Act.SUBMIT, job, until_s=CHAOS_S / 2) for job in range(jobs)]
    happenings += [happening(rng, Act.CANCEL, job) for job in range(jobs) if rng.random() < 0.25]
    pending = frozenset(island for island in range(1, ISLANDS - 1) if rng.random() < 0.3)
    happenings += [happening(rng, Act.PAIR, island) for island in pending]
    for island in range(ISLANDS):
        happenings += island_happenings(rng, island)
    if rng.random() < BATCHES:
        happenings.append(happening(rng, Act.SUBMIT_BATCH, rng.randrange(4), until_s=CHAOS_S / 2))
        if rng.random() < 0.3:
            happenings.append(happening(rng, Act.CANCEL_BATCH, happenings[-1].who))
    for coordinator in range(COORDINATORS):
        for act in (Act.KILL, Act.FREEZE):
            happenings += [happening(rng, act, coordinator) for _ in range(rng.choice((0, 0, 1, 2)))]
    happenings += cargo_happenings(random.Random(f"cargo act {seed}"))
    return Scenario(
        seed=seed,
        weather=FAIR if rng.random() < 0.2 else FOUL,
        habits=Habits(
            work_mean_s=rng.choice((3.0, 8.0, 30.0)),
            slots=rng.choice((1, 1, 2)),
            unhappy=rng.choice((0.1, 0.1, 0.5)),
            hanging=rng.choice((0.03, 0.03, 0.2)),
        ),
        pending=pending,
        happenings=tuple(sorted(happenings, key=lambda one: (one.at_s, one.act, one.who))),
    )


def happening(rng: random.Random, act: Act, who: int, *, until_s: float = CHAOS_S) -> Happening:
    lie = rng.choice(tuple(Lie)) if act is Act.LIE else None
    return Happening(at_s=round(rng.uniform(1, until_s), 3), act=act, who=who, size=rng.random(), lie=lie)


def cargo_happenings(rng: random.Random) -> list[Happening]:
    """In some worlds the cargo is killed, and in some of those revived."""
    if rng.random() >= KILLED_CARGOS:
        return []
    acts = (Act.KILL_CARGO, Act.REVIVE_CARGO) if rng.random() < 0.5 else (Act.KILL_CARGO,)
    return [happening(rng, act, 0) for act in acts]


def island_happenings(rng: random.Random, island: int) -> list[Happening]:
    often = {Act.CRASH: 0.5, Act.VANISH: 0.5, Act.LIE: 0.6, Act.FLOOD: 0.1}
    found = [happening(rng, act, island) for act, share in often.items() if rng.random() < share]
    found += [happening(rng, Act.LIE, island) for _ in range(rng.choice((0, 0, 1, 3)))]
    if rng.random() < 0.3:
        found += [happening(rng, act, island) for act in (Act.SUSPEND, Act.REINSTATE)]
    if rng.random() < 0.3:
        found += [happening(rng, act, island) for act in (rng.choice((Act.REMOVE, Act.REVOKE)), Act.JOIN)]
        again_s = round(found[-1].at_s + rng.uniform(0, JOINS_AGAIN_WITHIN_S), 3)
        found.append(replace(found[-1], at_s=again_s, size=rng.random()))
    return found
