"""Waiting jobs meet free islands: fairly, within capacity, and once."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from commands.event_log import Commit
from commands.placer import PlainPlacer
from commands.process import Order
from commands.processes import placing
from commands.processes.placing import ORDER_FORGOTTEN_MS, REASONS_RENEWED_MS, Picture, Placing
from domain.failure import Failure, Loss
from domain.ids import AccountId, IslandId, JobId
from domain.island_events import DrainStarted
from domain.job import JOB
from domain.job_commands import AssignJob, DeferPlacement
from domain.job_events import PlacementDeferred
from domain.placement import Placement, Refusal, Want
from domain.pricing import MICRO_PER_CREDIT
from tests.examples import (
    ISLAND,
    JOB_ID,
    OTHER_ISLAND,
    OWNER,
    PRICE_MICRO,
    T0_MS,
    assigned,
    at_ms,
    attempt_failed,
    came_online,
    cancelled,
    enrolled,
    failed,
    lost,
    origin,
    ready_island,
    refused,
    registered,
    removed,
    returned,
    revoked,
    submitted,
    succeeded,
    suspended,
)

OUTPUT_POSITION = 77


class Story:
    """A placing planner with a log of its own."""

    def __init__(self, *events: Any) -> None:
        self.planner = Placing(lambda: OUTPUT_POSITION)
        self.position = 0
        self.take(*events)

    def take(self, *events: Any) -> None:
        for event in events:
            self.position += 1
            self.planner.take(
                Commit(
                    position=self.position,
                    stream="any.any",
                    events=(event,),
                    recorded_at_ms=T0_MS,
                    origin=origin(f"c{self.position}"),
                )
            )

    def plan(self, seconds: float = 1) -> Sequence[Order]:
        return self.planner.plan(at_ms(seconds))

    def assigned_jobs(self, seconds: float = 1) -> list[tuple[str, str]]:
        """Which job was ordered onto which island."""
        commands = [order.command for order in self.plan(seconds)]
        return [(one.job_id, one.island_id) for one in commands if isinstance(one, AssignJob)]

    def deferrals(self, seconds: float = 1) -> list[DeferPlacement]:
        commands = [order.command for order in self.plan(seconds)]
        return [one for one in commands if isinstance(one, DeferPlacement)]


def waiting(job_id: str, account_id: str = "customer", **fields: Any) -> Any:
    return submitted(job_id=JobId(job_id), account_id=AccountId(account_id), **fields)


def deferred(*codes: Refusal) -> PlacementDeferred:
    reasons = refused(*codes)
    return PlacementDeferred(
        job_id=JOB_ID,
        account_id=AccountId("customer"),
        refusals=reasons.refusals,
        considered=reasons.considered,
        deferred_at_ms=T0_MS,
    )


def test_a_waiting_job_is_ordered_onto_a_free_island() -> None:
    story = Story(*ready_island(), submitted())
    (order,) = story.plan()
    assert (order.decider, order.aggregate_id) == (JOB, JOB_ID)
    command = order.command
    assert isinstance(command, AssignJob)
    assert (command.attempt, command.island_id, command.owner_id) == (1, ISLAND, OWNER)
    assert (command.price_micro, command.output_after) == (PRICE_MICRO, OUTPUT_POSITION)
    assert (command.explanation.view_position, command.now_ms) == (story.position, at_ms(1))


def test_the_job_accepts_what_was_ordered() -> None:
    (order,) = Story(*ready_island(), submitted()).plan()
    (event,) = JOB.decide(JOB.fold([submitted()]), order.command)
    assert event.island_id == ISLAND  # type: ignore[union-attr]  # an order decides an assignment or fails here


def test_one_plan_never_fills_a_slot_twice() -> None:
    jobs = [waiting(f"j-{number}") for number in range(5)]
    story = Story(*ready_island(slots=2), *ready_island(OTHER_ISLAND, slots=1), *jobs)
    islands = [island for _, island in story.assigned_jobs()]
    assert sorted(islands) == [ISLAND, ISLAND, OTHER_ISLAND]


def test_what_was_ordered_counts_as_taken_until_it_is_recorded() -> None:
    story = Story(*ready_island(slots=1), waiting("j-1"), waiting("j-2", submitted_at_ms=at_ms(1)))
    assert story.assigned_jobs(1) == [("j-1", ISLAND)]
    assert story.assigned_jobs(2) == []
    story.take(assigned(job_id=JobId("j-1")), succeeded(job_id=JobId("j-1")))
    assert story.assigned_jobs(2.5) == [("j-2", ISLAND)]


def test_an_order_that_was_never_recorded_is_planned_again() -> None:
    story = Story(*ready_island(), submitted())
    assert len(story.assigned_jobs(0)) == 1
    forgotten_s = ORDER_FORGOTTEN_MS / 1000
    assert story.assigned_jobs(forgotten_s) == []
    assert story.assigned_jobs(forgotten_s + 0.001) == [(JOB_ID, ISLAND)]


def test_an_order_that_was_refused_is_planned_again_at_once() -> None:
    story = Story(*ready_island(), submitted())
    (order,) = story.plan()
    story.planner.failed(order)
    assert story.assigned_jobs() == [(JOB_ID, ISLAND)]


def test_a_job_that_another_coordinator_placed_is_left_alone() -> None:
    story = Story(*ready_island(), submitted(), assigned())
    assert story.plan() == []


@pytest.mark.parametrize(
    "end", [succeeded(), failed("crashed"), cancelled()], ids=["ok", "failed", "cancelled"]
)
def test_a_job_that_has_ended_is_never_placed(end: Any) -> None:
    story = Story(*ready_island(), submitted(), end)
    assert story.plan() == []
    assert not story.planner.picture.waiting


# Fairness.


def one_slot() -> tuple[Any, ...]:
    return ready_island(slots=1)


def order_of_service(*jobs: Any) -> list[str]:
    """The jobs in the order in which one island with one slot gets them."""
    story = Story(*one_slot(), *jobs)
    served: list[str] = []
    for seconds in range(len(jobs)):
        ((job_id, _),) = story.assigned_jobs(seconds)
        served.append(job_id)
        story.take(assigned(job_id=JobId(job_id)), succeeded(job_id=JobId(job_id)))
    return served


def test_accounts_are_served_in_turns_within_a_plan() -> None:
    jobs = [waiting(f"a-{n}", "a", submitted_at_ms=at_ms(n)) for n in range(3)]
    jobs += [waiting("b-0", "b", submitted_at_ms=at_ms(9)), waiting("c-0", "c", submitted_at_ms=at_ms(9))]
    story = Story(*ready_island(slots=4), *jobs)
    assert [job for job, _ in story.assigned_jobs()] == ["a-0", "b-0", "c-0", "a-1"]


def test_inside_an_account_priority_goes_first_and_then_age() -> None:
    jobs = [
        waiting("young", submitted_at_ms=at_ms(2)),
        waiting("old", submitted_at_ms=at_ms(1)),
        waiting("urgent", priority=50, submitted_at_ms=at_ms(3)),
    ]
    assert order_of_service(*jobs) == ["urgent", "old", "young"]


def test_priority_does_not_reach_across_accounts() -> None:
    jobs = [waiting("a-0", "a", priority=100), waiting("a-1", "a", priority=100), waiting("b-0", "b")]
    story = Story(*ready_island(slots=2), *jobs)
    assert [job for job, _ in story.assigned_jobs()] == ["a-0", "b-0"]


def test_a_plan_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "PLACEMENTS_PER_PLAN_MAX", 3)
    story = Story(*ready_island(slots=10), *(waiting(f"j-{n}") for n in range(5)))
    assert len(story.plan(1)) == 3
    assert len(story.plan(1.1)) == 2


# Deferral.


def test_a_job_that_fits_nowhere_is_deferred_once_with_its_reasons() -> None:
    story = Story(*ready_island(ram_mb=1), submitted())
    (deferral,) = story.deferrals()
    assert [count.code for count in deferral.explanation.refusals] == [Refusal.RAM_SHORT]
    story.take(deferred(Refusal.RAM_SHORT))
    assert story.plan(2) == []


def test_a_waiting_job_is_told_other_reasons_a_minute_later_at_the_soonest() -> None:
    story = Story(*ready_island(ram_mb=1), submitted(), deferred(Refusal.RAM_SHORT))
    story.take(DrainStarted(island_id=ISLAND, drained_at_ms=T0_MS))
    assert story.plan(REASONS_RENEWED_MS / 1000 - 0.001) == []
    (deferral,) = story.deferrals(REASONS_RENEWED_MS / 1000)
    assert [count.code for count in deferral.explanation.refusals] == [Refusal.DRAINING]
    story.take(replace(deferred(Refusal.DRAINING), deferred_at_ms=at_ms(60)))
    assert story.plan(1_000) == []


def test_a_deferred_job_is_placed_as_soon_as_an_island_fits() -> None:
    story = Story(*ready_island(ram_mb=1), submitted(), deferred(Refusal.RAM_SHORT))
    story.take(*ready_island(OTHER_ISLAND))
    assert story.assigned_jobs() == [(JOB_ID, OTHER_ISLAND)]


def test_where_there_is_no_island_nothing_is_ordered() -> None:
    assert Story(submitted()).plan() == []


def test_an_island_that_drains_gets_nothing() -> None:
    story = Story(*ready_island(), DrainStarted(island_id=ISLAND, drained_at_ms=T0_MS), submitted())
    (deferral,) = story.deferrals()
    assert [count.code for count in deferral.explanation.refusals] == [Refusal.DRAINING]


def test_an_island_that_never_registered_is_no_offer_of_anything() -> None:
    story = Story(*enrolled(), came_online(), submitted())
    (deferral,) = story.deferrals()
    assert [count.code for count in deferral.explanation.refusals] == [Refusal.RUNTIME_UNSUPPORTED]


# Attempts.

TWO_ISLANDS = (*ready_island(), *ready_island(OTHER_ISLAND))


@pytest.mark.parametrize("end", [lost(), attempt_failed(Failure.ENGINE_ERROR)], ids=["lost", "failed"])
@pytest.mark.parametrize("first", [ISLAND, OTHER_ISLAND])
def test_after_a_failure_the_next_attempt_goes_elsewhere(end: Any, first: IslandId) -> None:
    other = OTHER_ISLAND if first == ISLAND else ISLAND
    events = [submitted(), assigned(first), replace(end, island_id=first)]
    story = Story(*TWO_ISLANDS, *events)
    (order,) = story.plan(100)
    assert isinstance(order.command, AssignJob)
    assert (order.command.island_id, order.command.attempt) == (other, 2)


def test_a_lone_island_gets_a_lost_job_again() -> None:
    story = Story(*ready_island(), submitted(), assigned(), lost())
    assert story.assigned_jobs(100) == [(JOB_ID, ISLAND)]


def test_a_job_whose_island_was_barred_goes_elsewhere_without_a_pause() -> None:
    barred = lost(seconds=5, loss=Loss.ISLAND_BARRED)
    story = Story(*TWO_ISLANDS, submitted(), assigned(), suspended(seconds=5), barred)
    assert story.assigned_jobs(5) == [(JOB_ID, OTHER_ISLAND)]


@pytest.mark.parametrize("bar", [suspended(), revoked()], ids=["suspended", "revoked"])
def test_a_barred_island_gets_no_jobs(bar: Any) -> None:
    (deferral,) = Story(*ready_island(), bar, submitted()).deferrals()
    code = Refusal.SUSPENDED if bar == suspended() else Refusal.NOT_APPROVED
    assert [count.code for count in deferral.explanation.refusals] == [code]


def test_an_island_that_left_is_not_even_considered() -> None:
    story = Story(*TWO_ISLANDS, removed(), submitted(bid_micro=1))
    (deferral,) = story.deferrals()
    assert deferral.explanation.considered == 1
    assert list(story.planner.picture.offers) == [OTHER_ISLAND]


def test_an_island_that_leaves_before_its_order_is_recorded_holds_up_nobody() -> None:
    story = Story(*ready_island(), *ready_island(OTHER_ISLAND), submitted())
    ((_, chosen),) = story.assigned_jobs()
    story.take(removed(island_id=IslandId(chosen)), waiting("job-2"))
    (other,) = {ISLAND, OTHER_ISLAND} - {chosen}
    assert story.assigned_jobs() == [("job-2", other)]


def test_an_attempt_given_back_goes_elsewhere() -> None:
    story = Story(*TWO_ISLANDS, submitted(), assigned(ISLAND), returned(island_id=ISLAND))
    assert story.assigned_jobs(100) == [(JOB_ID, OTHER_ISLAND)]


def test_a_lone_island_that_gave_an_attempt_back_gets_it_again_after_a_pause() -> None:
    story = Story(*ready_island(), submitted(), assigned(), returned(seconds=5))
    assert story.assigned_jobs(6) == []
    assert story.assigned_jobs(7) == [(JOB_ID, ISLAND)]


def test_a_slot_is_free_again_when_its_attempt_is_over() -> None:
    story = Story(*one_slot(), submitted(), assigned(), waiting("j-2"))
    assert story.assigned_jobs() == []
    story.take(cancelled(attempt=1, island_id=ISLAND))
    assert story.assigned_jobs() == [("j-2", ISLAND)]


def test_a_picture_that_was_saved_plans_the_same() -> None:
    before = Story(*TWO_ISLANDS, submitted(), waiting("j-2", "other", bid_micro=9 * MICRO_PER_CREDIT))
    saved = before.planner.picture
    copy = Picture(
        position=saved.position,
        offers=dict(saved.offers),
        waiting=dict(saved.waiting),
        running=dict(saved.running),
        deferred=dict(saved.deferred),
    )
    assert Placing(lambda: OUTPUT_POSITION, copy).plan(at_ms(1)) == before.plan(1)


def test_a_registration_after_a_restart_is_taken_over() -> None:
    story = Story(*ready_island(), registered(slots=3), *(waiting(f"j-{n}") for n in range(5)))
    assert len(story.assigned_jobs()) == 3


# Long queues.


class CountingPlacer(PlainPlacer):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def place(self, want: Want, *, now_ms: int, view_position: int) -> Placement:
        self.asked.append(want.job_id)
        return super().place(want, now_ms=now_ms, view_position=view_position)


def counting_story(*events: Any) -> tuple[Story, CountingPlacer]:
    story, placer = Story(), CountingPlacer()
    story.planner = Placing(lambda: OUTPUT_POSITION, placer=placer)
    story.take(*events)
    return story, placer


def test_of_jobs_that_nothing_tells_apart_one_is_tried_and_all_are_told() -> None:
    jobs = [waiting(f"j-{number}", account_id=f"a-{number % 3}") for number in range(30)]
    other = waiting("j-other", bid_micro=1)
    story, placer = counting_story(*ready_island(ram_mb=1), *jobs, other)
    assert {one.job_id for one in story.deferrals()} == {*(job.job_id for job in jobs), "j-other"}
    assert len(placer.asked) == 2


def test_an_account_with_many_jobs_gets_no_more_than_its_turn_from_look_to_look() -> None:
    many = [waiting(f"a-{number:02}", "a", submitted_at_ms=at_ms(0)) for number in range(20)]
    few = [waiting("b-0", "b", submitted_at_ms=at_ms(9)), waiting("c-0", "c", submitted_at_ms=at_ms(9))]
    assert order_of_service(*many, *few)[:4] == ["a-00", "b-0", "c-0", "a-01"]


def test_a_look_tries_so_many_kinds_of_jobs_and_the_next_look_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(placing, "TRIES_PER_PLAN_MAX", 3)
    jobs = [waiting(f"j-{number}", f"a-{number}", bid_micro=number + 1) for number in range(6)]
    story, placer = counting_story(*ready_island(ram_mb=1), *jobs)
    story.plan(1)
    story.plan(2)
    assert placer.asked == [job.job_id for job in jobs]


@pytest.mark.parametrize(
    "demand",
    [
        {"bid_micro": PRICE_MICRO - 1},
        {"region": "us-east"},
        {"privacy_tier": 2},
        {"excluded_owners": (OWNER,)},
        {"only_island": IslandId("elsewhere")},
    ],
)
def test_a_job_that_fits_nowhere_holds_up_none_that_asks_for_less(demand: dict[str, Any]) -> None:
    story = Story(*ready_island(), waiting("j-1", **demand), waiting("j-2", submitted_at_ms=at_ms(1)))
    assert story.assigned_jobs() == [("j-2", ISLAND)]


def test_a_job_that_waits_for_an_island_it_has_not_tried_holds_up_none_that_has_tried_none() -> None:
    busy = (*ready_island(OTHER_ISLAND, slots=1), waiting("j-0"), assigned(OTHER_ISLAND, job_id=JobId("j-0")))
    tried = (submitted(), assigned(), lost())
    story = Story(*ready_island(), *busy, *tried, waiting("j-2", submitted_at_ms=at_ms(1)))
    assert story.assigned_jobs(100) == [("j-2", ISLAND)]


def test_the_placer_hears_of_every_island_that_joins_changes_or_leaves() -> None:
    story, _ = counting_story(
        *TWO_ISLANDS, removed(), registered(OTHER_ISLAND, slots=1), waiting("j-1"), waiting("j-2")
    )
    assert story.assigned_jobs() == [("j-1", OTHER_ISLAND)]
    story.take(registered(OTHER_ISLAND, slots=2))
    assert story.assigned_jobs() == [("j-2", OTHER_ISLAND)]


def test_a_job_for_its_owner_s_islands_alone_holds_up_no_other_owner_s() -> None:
    jobs = (waiting("j-1", privacy_tier=2), waiting("j-2", OWNER, privacy_tier=2))
    assert Story(*ready_island(), *jobs).assigned_jobs() == [("j-2", ISLAND)]
