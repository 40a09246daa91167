"""The rules of islands in the numbers that owners are told, each over every part that it takes.

States and membership stand in `tests/domain/test_island_membership.py`, pairing codes in
`tests/adapters/postgres/test_pairing_codes.py`, silence in `tests/commands/processes/test_liveness.py`, slots, warm
cargos and draining in `tests/island`.
"""

import pytest

from commands.processes.liveness import Liveness
from domain.category import CategoryPolicy
from domain.failure import ReturnReason
from domain.ids import IslandId
from domain.job_state import Phase
from tests.examples import JOB_ID, OTHER_JOB_ID, cargo_with
from tests.story import Story


def test_an_island_that_falls_silent_is_offline_before_its_attempts_are_lost() -> None:
    story = Story()
    liveness = Liveness()
    story.join("harbour")
    story.submit()
    story.wait()
    story.start()
    for commit in story.commits:
        liveness.take(commit)
    liveness.listening_since(story.now_ms)
    story.wait(35)
    for order in liveness.plan(story.now_ms):
        story.do(order.decider, order.aggregate_id, order.command)
    story.submit(OTHER_JOB_ID)
    story.wait(29.999)
    assert not story.island("harbour").is_online
    assert (story.job().phase, story.job().attempt) == (Phase.RUNNING, 1)
    assert story.job(OTHER_JOB_ID).phase is Phase.SUBMITTED
    story.wait(0.001)
    assert story.job().phase is Phase.SUBMITTED


def test_an_island_that_was_only_cut_off_may_still_finish_what_it_has() -> None:
    story = Story()
    story.join("harbour")
    story.submit()
    story.wait()
    story.start()
    story.beat("harbour", is_leaving=True)
    story.wait(40)
    story.succeed()
    assert story.job().phase is Phase.SUCCEEDED


def test_an_island_that_drains_finishes_or_gives_back_and_takes_nothing_new() -> None:
    story = Story()
    story.join("harbour")
    story.submit()
    story.wait()
    story.start()
    story.submit(OTHER_JOB_ID)
    story.beat("harbour", is_draining=True)
    story.wait(30)
    assert (story.job().phase, story.job(OTHER_JOB_ID).phase) == (Phase.RUNNING, Phase.SUBMITTED)
    story.give_back(ReturnReason.DRAIN)
    story.join("attic")
    story.wait(2)
    assert {story.job(job).island_id for job in (JOB_ID, OTHER_JOB_ID)} == {"attic"}
    assert story.island("harbour").standing.karma == 0


@pytest.mark.parametrize(("level", "phase"), [(0, Phase.SUBMITTED), (1, Phase.ASSIGNED)])
def test_an_owner_takes_no_cargo_below_the_trust_level_that_was_set(level: int, phase: Phase) -> None:
    story = Story()
    story.join("harbour", trust_level_min=1)
    story.submit(cargo=cargo_with(trust_level=level))
    story.wait()
    assert story.job().phase is phase


@pytest.mark.parametrize(
    ("category", "phase"),
    [("data", Phase.ASSIGNED), ("mining", Phase.SUBMITTED), ("media", Phase.SUBMITTED), ("", Phase.ASSIGNED)],
)
def test_an_owner_decides_which_categories_of_cargo_run(category: str, phase: Phase) -> None:
    story = Story()
    story.join("harbour", categories=CategoryPolicy(allowed=("data", "mining", "other"), refused=("mining",)))
    story.submit(cargo=cargo_with(category=category))
    story.wait()
    assert story.job().phase is phase


def test_an_island_has_no_more_jobs_than_slots() -> None:
    story = Story()
    story.join("harbour", slots=1)
    story.submit()
    story.submit(OTHER_JOB_ID)
    story.wait()
    assert [story.job(job).phase for job in (JOB_ID, OTHER_JOB_ID)] == [Phase.ASSIGNED, Phase.SUBMITTED]
    assert story.placing.picture.offers[IslandId("harbour")].active == 1
    story.start()
    story.succeed()
    story.wait()
    assert story.job(OTHER_JOB_ID).phase is Phase.ASSIGNED
