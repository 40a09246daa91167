"""The rules of karma in the numbers that owners are told, each over every part that it takes.

How work and faults are counted stands in `tests/domain/test_karma.py`, what follows from them in
`tests/domain/test_island_karma.py`, and which event is whose fault in `tests/commands/processes/test_karma.py`.
"""

from collections.abc import Callable

import pytest

from domain.failure import Failure, ReturnReason
from domain.ids import IslandId, JobId
from domain.island import ISLAND as ISLANDS
from domain.island_commands import CreditWork, PenalizeKarma, ReinstateIsland
from domain.island_events import FloodPenalized, KarmaPenalized, WorkCredited
from domain.job_events import PlacementDeferred
from domain.job_state import Phase
from domain.karma import Penalty
from tests.story import Story


def on_harbour() -> Story:
    story = Story()
    story.join("harbour")
    story.submit()
    story.wait()
    story.start()
    return story


def karma_of(story: Story) -> int:
    return story.island("harbour").standing.karma


def work(story: Story, minutes: float) -> WorkCredited:
    job_id = JobId(f"elsewhere-{len(story.commits)}")
    command = CreditWork(
        island_id=IslandId("harbour"),
        job_id=job_id,
        attempt=1,
        worked_ms=round(minutes * 60_000),
        now_ms=story.now_ms,
    )
    credited = story.do(ISLANDS, "harbour", command)[0]
    assert isinstance(credited, WorkCredited)
    return credited


def penalize(story: Story, penalty: Penalty) -> None:
    job_id = JobId(f"elsewhere-{len(story.commits)}")
    command = PenalizeKarma(
        island_id=IslandId("harbour"), job_id=job_id, attempt=1, penalty=penalty, now_ms=story.now_ms
    )
    story.do(ISLANDS, "harbour", command)


def minutes_worth(credited: WorkCredited, before: WorkCredited | None) -> int:
    """What a job added, in minutes."""
    was_pending = before.pending_minutes if before else 0
    return credited.karma_delta * 60 + credited.pending_minutes - was_pending


def test_the_worked_example() -> None:
    """25 min add 37, 20 add 30, 45 add 67; at karma 10 a job of 30 min adds 30."""
    story = Story()
    story.join("harbour")
    seen: list[tuple[int, int, int]] = []
    before: WorkCredited | None = None
    for minutes in (25, 20, 45):
        credited = work(story, minutes)
        seen.append((minutes_worth(credited, before), credited.pending_minutes, credited.karma))
        before = credited
    assert seen == [(37, 37, 0), (30, 7, 1), (67, 14, 2)]
    before = work(story, 8 * 40)
    assert (before.karma, before.pending_minutes) == (10, 14)
    credited = work(story, 30)
    assert (minutes_worth(credited, before), credited.pending_minutes, credited.karma) == (30, 44, 10)


@pytest.mark.parametrize(
    ("mishap", "points"),
    [
        (lambda story: story.fail(Failure.ENGINE_ERROR), -1),
        (lambda story: story.fail(Failure.CRASHED), 0),
        (lambda story: story.fail(Failure.OUTPUT_INCOMPLETE), 0),
        (lambda story: story.wait(65), -2),
        (lambda story: story.give_back(ReturnReason.CAPACITY), -1),
        (lambda story: story.give_back(ReturnReason.HEAT), 0),
        (lambda story: story.give_back(ReturnReason.BATTERY), 0),
        (lambda story: story.give_back(ReturnReason.OWNER), 0),
        (lambda story: story.give_back(ReturnReason.DRAIN), 0),
    ],
    ids=["its fault", "cargo's", "network's", "lost", "refused", "heat", "battery", "switch", "drain"],
)
def test_what_a_mishap_costs_the_island(mishap: Callable[[Story], None], points: int) -> None:
    story = on_harbour()
    mishap(story)
    assert karma_of(story) == points


def test_a_contradicted_result_costs_a_day_of_trust_and_a_known_answer_missed_two() -> None:
    for penalty, points in ((Penalty.QUORUM_CONTRADICTED, -24), (Penalty.KNOWN_ANSWER_FAILED, -48)):
        story = on_harbour()
        penalize(story, penalty)
        assert karma_of(story) == points


def test_three_faults_in_a_row_let_an_island_rest_for_five_minutes_and_the_next_for_ten() -> None:
    story = Story()
    story.join("harbour")
    for _ in range(3):
        penalize(story, Penalty.ATTEMPT_FAILED)
    story.submit()
    story.wait(299.9)
    [deferral] = story.events(PlacementDeferred)
    assert [(one.code, one.count) for one in deferral.refusals] == [("cooldown", 1)]
    assert story.job().phase is Phase.SUBMITTED
    story.wait(0.1)
    assert story.job().phase is Phase.ASSIGNED
    penalize(story, Penalty.ATTEMPT_FAILED)
    assert story.placing.picture.offers[IslandId("harbour")].cooldown_until_ms == story.now_ms + 600_000


def test_below_minus_ten_an_island_gets_no_jobs_until_an_operator_has_looked() -> None:
    story = Story()
    story.join("harbour")
    for _ in range(5):
        penalize(story, Penalty.LEASE_LOST)
    assert (karma_of(story), story.island("harbour").is_suspended) == (-10, False)
    penalize(story, Penalty.ATTEMPT_FAILED)
    assert (karma_of(story), story.island("harbour").is_suspended) == (-11, True)
    story.submit(queue_limit_ms=24 * 3_600_000)
    story.wait(4 * 3_600)
    assert story.job().phase is Phase.SUBMITTED
    story.do(ISLANDS, "harbour", ReinstateIsland(island_id=IslandId("harbour"), now_ms=story.now_ms))
    story.wait()
    assert story.job().phase is Phase.ASSIGNED


def test_every_point_has_an_event_that_names_its_cause() -> None:
    story = on_harbour()
    story.wait(65)
    story.start()
    story.succeed()
    work(story, 130)
    penalize(story, Penalty.REFUSED_AFTER_ACCEPTING)
    changes = story.events(WorkCredited, KarmaPenalized, FloodPenalized)
    causes = [(getattr(one, "penalty", "work"), one.karma_delta) for one in changes]
    assert causes == [("lease_lost", -2), ("work", 0), ("work", 3), ("refused_after_accepting", -1)]
    assert sum(delta for _, delta in causes) == karma_of(story) == 0
    assert all(one.job_id and one.attempt for one in changes)
