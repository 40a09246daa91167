"""Placements of simulated worlds, decided once more from their logs: with crashes, delays and checked results.

Only an order that was given and never recorded, because its coordinator died or its job ended first, leaves a decision
that cannot be understood from the log; there are few.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

import pytest

from adapters.columnar_fleet import ColumnarFleet
from commands.counterfactual import Comparison, Counterfactual, Supposition
from commands.event_log import Commit
from commands.placer import Placer, PlainPlacer
from commands.replay import PastDecision, Replay
from domain.placement_rules import PlacementRules
from tests.simulation.scenario import scenario_of
from tests.simulation.world import World

WORLDS: Final = range(12)
NOT_REPRODUCED_PERCENT_MAX: Final = 1
DECISIONS_MIN: Final = 80


@cache
def log_of(seed: int) -> tuple[Commit, ...]:
    world = World(scenario_of(seed))
    world.run()
    return tuple(world.servers.log.commits)


def decisions(seed: int) -> Iterator[PastDecision]:
    replay = Replay()
    for commit in log_of(seed):
        yield from replay.take(commit)
    yield from replay.rest()
    assert replay.unseen == 0


def islands(seed: int) -> list[str]:
    return sorted({str(island_id) for decision in decisions(seed) for island_id in decision.offers})


def compared(seed: int, supposed: Supposition, placer_of: Callable[[PlacementRules], Placer]) -> Comparison:
    again = Counterfactual(supposed, placer_of)
    for decision in decisions(seed):
        again.take(decision)
    return again.comparison


def test_decisions_of_troubled_worlds_come_out_again_as_they_were_recorded() -> None:
    again, runs_compared = Counterfactual(Supposition()), 0
    for seed in WORLDS:
        for decision in decisions(seed):
            again.take(decision)
            runs_compared += decision.want.check_id is not None
    found = again.comparison
    assert found.decided >= DECISIONS_MIN
    assert runs_compared, "results are compared in some world"
    assert 100 * found.not_reproduced <= NOT_REPRODUCED_PERCENT_MAX * found.decided, found.examples
    assert not any(found.different.values())


@pytest.mark.parametrize("seed", WORLDS)
def test_columns_find_what_the_plain_rule_finds_whatever_is_supposed(seed: int) -> None:
    first, *_, last = islands(seed)
    for supposed in (
        Supposition(),
        Supposition(without=frozenset({first})),
        Supposition(price_permille={first: 3_000, last: 400}),
        Supposition(rules=PlacementRules(price=+1_000), without=frozenset({last})),
    ):
        assert compared(seed, supposed, ColumnarFleet) == compared(seed, supposed, PlainPlacer)
