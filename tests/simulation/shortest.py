"""A failing world made as short as it gets: what the broken rule does not need is left out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tests.simulation.rule import Broken
from tests.simulation.scenario import Scenario
from tests.simulation.world import World

TRIES_MAX: Final = 400


def shortest(scenario: Scenario, rule: str) -> Scenario:
    """The scenario without whatever can be left out while the same rule still breaks. At most `TRIES_MAX` worlds."""
    tries = TRIES_MAX

    def breaks(candidate: Scenario) -> bool:
        nonlocal tries
        tries -= 1
        broken = World(candidate).run()
        return broken is not None and broken.rule == rule

    size = max(1, len(scenario.happenings) // 2)
    while size and tries > 0:
        shorter = without_some(scenario, size, breaks)
        if shorter is scenario:
            size //= 2
        scenario = shorter
    return scenario


def without_some(scenario: Scenario, size: int, breaks: Callable[[Scenario], bool]) -> Scenario:
    """The same scenario where no `size` happenings in a row can be left out, else the first shorter one."""
    happenings = tuple(scenario.happenings)
    for start in range(0, len(happenings), size):
        shorter = replace(scenario, happenings=happenings[:start] + happenings[start + size :])
        if breaks(shorter):
            return shorter
    return scenario


def story_of(scenario: Scenario) -> tuple[Broken | None, list[str]]:
    """One world with everything that happens in it, as lines."""
    lines: list[str] = []
    return World(scenario, lines=lines).run(), lines
