"""Placements of the past decided once more: as they were, and as they would have been."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from commands.counterfactual import Comparison, Counterfactual, Supposition, Turn
from commands.event_log import Commit
from commands.replay import PastDecision, Replay
from domain.failure import Failure, ReturnReason
from domain.ids import AccountId, IslandId, JobId
from domain.job import JOB
from domain.placement_rules import CURRENT, PlacementRules
from domain.pricing import MICRO_PER_CREDIT
from tests.examples import OTHER_JOB_ID
from tests.histories import Network
from tests.story import Story

JOBS = tuple(JobId(f"0192d0b4-7c2e-7aaa-8bbb-{number:012}") for number in range(1, 41))


def decisions(story: Story) -> Iterator[PastDecision]:
    replay = Replay()
    for commit in story.commits:
        yield from replay.take(commit)
    yield from replay.rest()
    assert replay.unseen == 0


def compared(story: Story, supposed: Supposition | None = None) -> Comparison:
    counterfactual = Counterfactual(supposed or Supposition())
    for decision in decisions(story):
        counterfactual.take(decision)
    return counterfactual.comparison


def two_islands() -> Story:
    """The garden asks less and wins."""
    story = Story()
    story.join("garden", asks={"_default": 2 * MICRO_PER_CREDIT})
    story.join("harbour", asks={"_default": 3 * MICRO_PER_CREDIT})
    story.submit()
    story.wait()
    return story


class TangledStory(Story):
    """Carries out what a plan orders in any order, as a coordinator does, which sends all of it at once."""

    draw = random.Random(7)

    def wait(self, seconds: float = 0) -> None:
        self.now_ms += round(seconds * 1000)
        for planner in (self.expiring, self.placing):
            orders = list(planner.plan(self.now_ms))
            self.draw.shuffle(orders)
            for order in orders:
                self.do(order.decider, order.aggregate_id, order.command)


class LateStory(Story):
    """What is recorded while `is_late` reaches the placing process not at all."""

    is_late = False

    def add(self, stream: str, *events: Any) -> Commit:
        if not self.is_late:
            return super().add(stream, *events)
        return Network.add(self, stream, *events)


def busy() -> Story:
    """Forty jobs of two accounts on five islands: many in one look, some lost, some failed, some deferred."""
    story = TangledStory()
    other = AccountId("other")
    story.open(other)
    story.grant(other)
    for number in range(5):
        asks = {"_default": (1 + number % 3) * MICRO_PER_CREDIT}
        story.join(f"island-{number}", asks=asks, slots=1 + number % 3, ram_mb=330 + 200 * number)
    for number, job_id in enumerate(JOBS):
        account = other if number % 3 else AccountId("customer")
        story.submit(job_id, account_id=account, bid_micro=2 * MICRO_PER_CREDIT, priority=number % 4)
        if number % 5 == 4:
            story.wait(1)
            step(story, number)
    for _ in range(6):
        story.wait(30)
        step(story, 3)
    return story


def step(story: Story, number: int) -> None:
    for index, job_id in enumerate(JOBS):
        job = story.state(JOB, job_id)
        if not job.is_live:
            continue
        if (index + number) % 7 == 0:
            story.fail(Failure.DOWNLOAD_FAILED, job_id)
        elif (index + number) % 3:
            story.start(job_id)
            story.succeed(job_id)


def test_replaying_with_the_recorded_rules_reproduces_every_recorded_decision() -> None:
    story = busy()
    found = compared(story)
    looks = [(one.view_position, one.at_ms) for one in decisions(story)]
    assert len(looks) > len(set(looks)) > 5, "many decisions fell in one look, and there were many looks"
    assert any(one.winner is None for one in decisions(story))
    assert (found.not_reproduced, found.of_old_rules, found.decided) == (0, 0, len(looks))
    assert not any(found.different.values())
    assert all(share.jobs_before == share.jobs_after for share in found.shares.values())


def test_a_decision_sees_the_fleet_it_was_made_on_and_not_a_later_one() -> None:
    story = two_islands()
    story.beat("garden", is_leaving=True)
    (decision,) = decisions(story)
    assert decision.offers[IslandId("garden")].is_online


def late_story() -> LateStory:
    """A job was just placed in the garden's only slot; another waits two seconds longer. Neither is seen any more."""
    story = LateStory()
    story.join("attic")
    story.submit(OTHER_JOB_ID, priority=9)
    story.wait()
    story.join("garden", asks={"_default": 2 * MICRO_PER_CREDIT}, slots=1)
    story.join("harbour")
    story.give_back(ReturnReason.HEAT, OTHER_JOB_ID)
    story.beat("attic", is_leaving=True)
    story.submit()
    story.is_late = True
    story.wait()
    return story


def test_an_order_that_was_forgotten_has_not_taken_its_slot() -> None:
    story = late_story()
    story.wait(3)
    assert (story.job().island_id, story.job(OTHER_JOB_ID).island_id) == ("garden", "garden")
    assert compared(story).not_reproduced == 0


def test_an_order_that_was_given_and_not_yet_seen_recorded_has_taken_its_slot() -> None:
    story = late_story()
    story.wait(2)
    assert (story.job().island_id, story.job(OTHER_JOB_ID).island_id) == ("garden", "harbour")
    assert compared(story).not_reproduced == 0


def test_without_its_island_a_job_goes_to_the_next_best() -> None:
    found = compared(two_islands(), Supposition(without=frozenset({IslandId("garden")})))
    (difference,) = found.differences
    assert (difference.turn, difference.before, difference.after) == (Turn.OTHER_ISLAND, "garden", "harbour")
    assert difference.after_micro - difference.before_micro == MICRO_PER_CREDIT
    assert found.shares[IslandId("garden")].jobs_after == 0
    assert found.shares[IslandId("harbour")].jobs_after == 1


def test_an_island_that_nobody_has_seen_is_told() -> None:
    counterfactual = Counterfactual(Supposition(without=frozenset({"garden", "nowhere"})))
    for decision in decisions(two_islands()):
        counterfactual.take(decision)
    assert counterfactual.strangers == {"nowhere"}


def test_without_any_island_a_job_is_not_placed() -> None:
    everyone = frozenset({IslandId("garden"), IslandId("harbour")})
    found = compared(two_islands(), Supposition(without=everyone))
    assert found.different[Turn.NOT_PLACED] == 1


def test_a_dearer_island_loses_its_job() -> None:
    dearer = Supposition(price_permille={IslandId("garden"): 2_400})
    assert compared(two_islands(), dearer).different[Turn.OTHER_ISLAND] == 1
    cheaper = Supposition(price_permille={IslandId("garden"): 500})
    found = compared(two_islands(), cheaper)
    assert found.different[Turn.OTHER_PRICE] == 1
    assert found.shares[IslandId("garden")].micro_after == MICRO_PER_CREDIT


def test_other_rules_lead_elsewhere() -> None:
    dear_is_good = PlacementRules(price=+1_000)
    found = compared(two_islands(), Supposition(rules=dear_is_good))
    assert found.different[Turn.OTHER_ISLAND] == 1


def test_a_job_that_waited_would_have_been_placed_at_a_lower_ask() -> None:
    story = Story()
    story.join("garden", asks={"_default": 20 * MICRO_PER_CREDIT})
    story.submit()
    story.wait()
    found = compared(story, Supposition(price_permille={IslandId("garden"): 100}))
    assert found.different[Turn.NOW_PLACED] == 1


def test_a_decision_of_older_rules_is_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    story = two_islands()
    monkeypatch.setattr("commands.counterfactual.CURRENT", PlacementRules(version=CURRENT.version + 1))
    found = compared(story)
    assert (found.of_old_rules, found.decided) == (1, 0)
