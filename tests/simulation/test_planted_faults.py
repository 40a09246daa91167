"""Every planted fault is found, and soon; what is harmless by design is not."""

from typing import Final

import pytest

from tests.simulation.mutants import FAULTS, HARMLESS
from tests.simulation.rule import Broken
from tests.simulation.scenario import scenario_of
from tests.simulation.shortest import shortest
from tests.simulation.world import World

FAULTS_MIN: Final = 20
SEEDS_MAX: Final = 1_000
TRIED_FIRST: Final = (3, 0, 7, 13, 20, 25, 59, 11, 68)
"""Seeds that found every fault when this was written. Where they no longer do, the search goes on from 0."""
HARMLESS_WORLDS: Final = 40


def found_by(seed: int) -> Broken | None:
    return World(scenario_of(seed)).run()


def test_there_are_enough_planted_faults() -> None:
    assert len(FAULTS) >= FAULTS_MIN


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS[fault](monkeypatch)
    seeds = (*TRIED_FIRST, *range(SEEDS_MAX))
    assert next((broken for seed in seeds if (broken := found_by(seed))), None), f"{fault} goes unnoticed"


@pytest.mark.parametrize("harmless", HARMLESS)
def test_what_the_design_can_do_without_stays_unfound(harmless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    HARMLESS[harmless](monkeypatch)
    for seed in range(HARMLESS_WORLDS):
        assert found_by(seed) is None, f"see make simulate SEED={seed}"


def test_the_shortest_history_breaks_the_same_rule_with_less(monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS["forget_the_earning"](monkeypatch)
    long = scenario_of(0)
    broken = World(long).run()
    assert broken is not None
    short = shortest(long, broken.rule)
    assert 0 < len(short.happenings) < len(long.happenings)
    again = World(short).run()
    assert again is not None
    assert again.rule == broken.rule
