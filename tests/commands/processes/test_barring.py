"""A barred island runs nothing any more, and its jobs go on elsewhere."""

from collections.abc import Sequence
from typing import Any

import pytest

from commands.event_log import Commit
from commands.process import Order
from commands.processes.barring import Barring, Picture
from domain.failure import Failure
from domain.job import JOB
from domain.job_events import JobEvent
from tests.examples import (
    ISLAND,
    JOB_ID,
    OTHER_ISLAND,
    T0_MS,
    abandon_attempt,
    assigned,
    at_ms,
    attempt_failed,
    cancelled,
    enrolled,
    failed,
    joined,
    key_replaced,
    lost,
    origin,
    paired,
    ready_island,
    reinstated,
    removed,
    returned,
    revoked,
    started,
    submitted,
    succeeded,
    suspended,
)
from tests.scenario import added

BARS = pytest.mark.parametrize(
    "bar", [suspended(), revoked(), removed()], ids=["suspended", "revoked", "removed"]
)


def barring(*events: Any) -> Barring:
    planner = Barring()
    for position, event in enumerate(events, start=1):
        planner.take(
            Commit(
                position=position,
                stream="any.any",
                events=(event,),
                recorded_at_ms=T0_MS,
                origin=origin(f"c{position}"),
            )
        )
    return planner


def asked(planner: Barring, seconds: float = 5) -> Sequence[Order]:
    return planner.plan(at_ms(seconds))


ABANDON = [Order(decider=JOB, aggregate_id=JOB_ID, command=abandon_attempt())]


@BARS
def test_an_attempt_on_an_island_that_is_barred_ends_at_once(bar: Any) -> None:
    story = [*ready_island(), submitted(), assigned(), started()]
    assert asked(barring(*story)) == []
    assert asked(barring(*story, bar)) == ABANDON


@BARS
def test_an_attempt_placed_in_the_same_moment_ends_too(bar: Any) -> None:
    assert asked(barring(*ready_island(), submitted(), bar, assigned())) == ABANDON


@BARS
def test_the_attempts_of_other_islands_go_on(bar: Any) -> None:
    assert asked(barring(*ready_island(), submitted(), assigned(OTHER_ISLAND), bar)) == []


@pytest.mark.parametrize(
    "end",
    [
        lost(),
        attempt_failed(Failure.ENGINE_ERROR),
        returned(),
        succeeded(),
        failed("crashed"),
        cancelled(attempt=1, island_id=ISLAND),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_attempt_that_has_ended_is_left_alone(end: Any) -> None:
    planner = barring(*ready_island(), submitted(), assigned(), end, removed())
    assert asked(planner) == []
    assert planner.picture == Picture(position=8, expelled={ISLAND})


@pytest.mark.parametrize(
    "way_back",
    [
        [suspended(), reinstated()],
        [revoked(), key_replaced(), *paired()],
        [removed(), *enrolled()],
        [removed(), joined(), *paired()],
    ],
    ids=["reinstated", "paired again", "enrolled again", "joined and paired again"],
)
def test_an_island_that_is_back_may_run_jobs_again(way_back: list[Any]) -> None:
    assert asked(barring(*ready_island(), submitted(), *way_back, assigned())) == []


def test_an_island_that_waits_to_be_paired_may_not() -> None:
    for unpaired in ([removed(), joined()], [revoked(), key_replaced()]):
        assert asked(barring(*ready_island(), submitted(), assigned(), *unpaired)) == ABANDON


def test_two_bars_are_lifted_one_by_one() -> None:
    story = [*ready_island(), submitted(), assigned(), suspended(), revoked(), key_replaced()]
    assert asked(barring(*story, reinstated())) == ABANDON
    assert asked(barring(*story, *paired())) == ABANDON
    assert asked(barring(*story, reinstated(), *paired())) == []


def test_what_was_asked_is_asked_again_until_it_is_recorded() -> None:
    planner = barring(submitted(), assigned(), removed())
    (first,) = asked(planner)
    planner.failed(first)
    assert asked(planner) == ABANDON


@BARS
def test_the_job_agrees_and_then_it_is_done(bar: Any) -> None:
    history: list[JobEvent] = [submitted(), assigned(), started()]
    planner = barring(*history, bar)
    (order,) = asked(planner)
    (ended,) = added(JOB, history, order.command)
    planner.take(
        Commit(position=9, stream="job.any", events=(ended,), recorded_at_ms=T0_MS, origin=origin("c9"))
    )
    assert asked(planner) == []
