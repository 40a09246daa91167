"""A coordinator that dies at any await whatever, and starts again: every job ends and is paid once."""

from typing import Final

import pytest

from domain.check_events import VerdictReached
from domain.job_events import JobCancelled, JobSucceeded
from tests.simulation.islands import Habits
from tests.simulation.mutants import FAULTS
from tests.simulation.network import FAIR
from tests.simulation.people import job_id_of
from tests.simulation.scenario import Act, Happening, Scenario
from tests.simulation.world import World

PLAIN: Final = Scenario(
    seed=2,
    weather=FAIR,
    habits=Habits(work_mean_s=4.0, slots=2, unhappy=0.0, hanging=0.0),
    happenings=(
        Happening(at_s=2.0, act=Act.SUBMIT, who=0, size=0.7),
        Happening(at_s=2.1, act=Act.SUBMIT, who=1, size=0.3),
        Happening(at_s=3.0, act=Act.SUSPEND, who=0, size=0.5),
        Happening(at_s=3.5, act=Act.CANCEL, who=1, size=0.5),
    ),
)
"""Two jobs, one that is checked and one that is cancelled, and an island that is suspended while it works."""


def crossings_of(scenario: Scenario) -> int:
    """How often the first coordinator waits for something outside, from its start until the last job is paid."""
    world = World(scenario)
    assert world.run() is None
    assert world.machines is not None
    return next(world.machines.every_life()).line.crossings


def test_the_plain_world_has_a_job_that_succeeds_and_one_that_is_cancelled() -> None:
    world = World(PLAIN)
    assert world.run() is None
    ends = [type(world.invariants.jobs.jobs[job_id_of(number)].ended) for number in (0, 1)]
    assert ends == [JobSucceeded, JobCancelled]
    assert any(
        isinstance(event, VerdictReached) for commit in world.servers.log.commits for event in commit.events
    )


@pytest.mark.parametrize("fault", ["forget_orphaned_holds", "settle_twice"])
def test_what_only_a_death_brings_to_light_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS[fault](monkeypatch)
    assert World(PLAIN).run() is None
    deaths = range(1, crossings_of(PLAIN) + 1)
    assert any(World(PLAIN, dies_at=crossing).run() for crossing in deaths)


@pytest.mark.parametrize("part", range(8))
def test_a_coordinator_may_die_at_any_await(part: int) -> None:
    last = crossings_of(PLAIN)
    assert last > 100
    for crossing in range(1 + part, last + 1, 8):
        broken = World(PLAIN, dies_at=crossing).run()
        assert broken is None, f"crossing {crossing}: {broken}"
