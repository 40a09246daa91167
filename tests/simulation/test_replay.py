"""Placements of simulated worlds, decided once more from their logs: with crashes, delays and checked results.

Only an order that was given and never recorded, because its coordinator died or its job ended first, leaves a decision
that cannot be understood from the log; there are few.
"""

from typing import Final

from commands.counterfactual import Counterfactual, Supposition
from commands.replay import Replay
from tests.simulation.scenario import scenario_of
from tests.simulation.world import World

WORLDS: Final = range(12)
NOT_REPRODUCED_PERCENT_MAX: Final = 1
DECISIONS_MIN: Final = 80


def test_decisions_of_troubled_worlds_come_out_again_as_they_were_recorded() -> None:
    again, runs_compared = Counterfactual(Supposition()), 0
    for seed in WORLDS:
        world, replay = World(scenario_of(seed)), Replay()
        world.run()
        for commit in world.servers.log.commits:
            for decision in replay.take(commit):
                again.take(decision)
                runs_compared += decision.want.check_id is not None
        for decision in replay.rest():
            again.take(decision)
        assert replay.unseen == 0
    found = again.comparison
    assert found.decided >= DECISIONS_MIN
    assert runs_compared, "results are compared in some world"
    assert 100 * found.not_reproduced <= NOT_REPRODUCED_PERCENT_MAX * found.decided, found.examples
    assert not any(found.different.values())
