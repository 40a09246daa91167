"""Run simulated worlds from the command line: `make simulate N=1000`, or one again with `make simulate SEED=7`.

Many worlds: how fast, and the first that breaks a rule with its shortest history. One world: every line of it.
"""

import argparse
import contextlib
import hashlib
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from tests.simulation.mutants import FAULTS, HARMLESS
from tests.simulation.scenario import Scenario, scenario_of
from tests.simulation.shortest import shortest, story_of
from tests.simulation.world import World

TOLD_EVERY_S: Final = 10.0


@dataclass(slots=True)
class Effort:
    """How much was done so far."""

    worlds: int = 0
    steps: int = 0
    commits: int = 0
    virtual_s: float = 0.0
    began_s: float = 0.0

    def add(self, world: World) -> None:
        self.worlds += 1
        self.steps += world.schedule.steps
        self.commits += len(world.servers.log.commits)
        self.virtual_s += world.schedule.now_s

    def __str__(self) -> str:
        took_s = time.perf_counter() - self.began_s
        return (
            f"{self.worlds} worlds, {self.steps} steps, {self.commits} commits in {took_s:.1f} s: "
            f"{self.steps / took_s:,.0f} steps/s, {self.worlds / took_s:.1f} worlds/s, "
            f"{self.virtual_s / took_s:,.0f} times real time"
        )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def explore(seeds: range) -> int:
    """Runs world after world. Returns 1 and tells the shortest history where a rule is broken, else 0."""
    effort = Effort(began_s=time.perf_counter())
    told_s = effort.began_s
    for seed in seeds:
        world = World(scenario_of(seed))
        broken = world.run()
        effort.add(world)
        if broken is not None:
            say(f"seed {seed} breaks a rule: {broken}")
            tell_shortest(world.scenario, broken.rule)
            say(f"{effort}\nSee all of it: make simulate SEED={seed}")
            return 1
        if time.perf_counter() - told_s > TOLD_EVERY_S:
            told_s = time.perf_counter()
            say(f"{effort}; no rule broken")
    say(f"{effort}; no rule broken")
    return 0


def tell_shortest(scenario: Scenario, rule: str) -> None:
    short = shortest(scenario, rule)
    _, lines = story_of(short)
    say(f"Its shortest history needs {len(short.happenings)} of {len(scenario.happenings)} happenings:")
    for line in lines:
        say(line)


def replay(seed: int) -> int:
    """Tells one world, line by line. Returns 1 where it breaks a rule."""
    broken, lines = story_of(scenario_of(seed))
    for line in lines:
        say(line)
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    say(f"seed {seed}: {broken or 'no rule broken'}; history {digest[:16]}")
    return int(broken is not None)


@contextlib.contextmanager
def planted(name: str | None) -> Iterator[None]:
    """While it lasts, the product has this fault."""
    with pytest.MonkeyPatch.context() as patch:
        if name is not None:
            (FAULTS | HARMLESS)[name](patch)
        yield


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="tell this one world")
    parser.add_argument("--worlds", type=int, default=1_000, help="run so many worlds")
    parser.add_argument("--first", type=int, default=0, help="the first seed of many")
    parser.add_argument("--fault", choices=sorted(FAULTS | HARMLESS), help="plant this fault first")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with planted(asked.fault):
        if asked.seed is not None:
            return replay(asked.seed)
        return explore(range(asked.first, asked.first + asked.worlds))


if __name__ == "__main__":
    sys.exit(main())
