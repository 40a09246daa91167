"""A killed cargo runs nowhere any more, and nobody pays for what it was doing."""

from collections.abc import Sequence
from typing import Any

import pytest

from commands.event_log import Commit
from commands.process import Order, SendCancel
from commands.processes import dispatching, karma, settling
from commands.processes.killing import Killing, Picture
from domain.account import ACCOUNT
from domain.account_commands import ReleaseHold
from domain.cargo_events import CargoDisabled, CargoEnabled
from domain.failure import JobEnd, Loss
from domain.job import JOB
from domain.job_commands import StopJob
from domain.job_events import AttemptLost, JobEvent, JobFailed
from tests.examples import (
    CUSTOMER,
    ISLAND,
    JOB_ID,
    SLUG,
    T0_MS,
    assigned,
    at_ms,
    cancelled,
    cargo_with,
    failed,
    origin,
    returned,
    started,
    submitted,
    succeeded,
)
from tests.scenario import added

KILLED = CargoDisabled(slug=SLUG, reason="it mines", disabled_at_ms=T0_MS, is_killed=True)
DISABLED = CargoDisabled(slug=SLUG, reason="it is slow", disabled_at_ms=T0_MS)
REVIVED = CargoEnabled(slug=SLUG, enabled_at_ms=T0_MS)
STOP = StopJob(job_id=JOB_ID, reason="it mines", now_ms=at_ms(5))
STOPPED = [Order(decider=JOB, aggregate_id=JOB_ID, command=STOP)]


def commit(position: int, *events: Any) -> Commit:
    return Commit(
        position=position,
        stream="any.any",
        events=events,
        recorded_at_ms=T0_MS,
        origin=origin(f"c{position}"),
    )


def killing(*events: Any) -> Killing:
    planner = Killing()
    for position, event in enumerate(events, start=1):
        planner.take(commit(position, event))
    return planner


def asked(planner: Killing) -> Sequence[Order]:
    return planner.plan(at_ms(5))


@pytest.mark.parametrize(
    "story",
    [
        [submitted()],
        [submitted(), assigned()],
        [submitted(), assigned(), started()],
        [submitted(), assigned(), returned()],
    ],
    ids=["waiting", "assigned", "running", "waiting again"],
)
def test_every_open_job_of_a_killed_cargo_is_stopped(story: list[Any]) -> None:
    assert asked(killing(*story)) == []
    assert asked(killing(*story, KILLED)) == STOPPED


def test_a_job_submitted_in_the_same_moment_is_stopped_too() -> None:
    assert asked(killing(KILLED, submitted())) == STOPPED


def test_a_cargo_that_is_only_disabled_ends_what_it_began() -> None:
    assert asked(killing(submitted(), assigned(), DISABLED)) == []


def test_other_cargos_go_on() -> None:
    assert asked(killing(submitted(cargo=cargo_with(slug="other")), KILLED)) == []


def test_after_its_revival_a_cargo_runs_again() -> None:
    assert asked(killing(KILLED, REVIVED, submitted())) == []


@pytest.mark.parametrize("end", [succeeded(), failed("crashed"), cancelled()], ids=lambda e: type(e).__name__)
def test_what_has_ended_is_left_alone(end: Any) -> None:
    planner = killing(submitted(), assigned(), end, KILLED)
    assert asked(planner) == []
    assert planner.picture == Picture(position=4, killed={SLUG: "it mines"})


def test_a_waiting_job_fails_with_a_code_of_its_own() -> None:
    (end,) = added(JOB, [submitted()], STOP)
    assert isinstance(end, JobFailed)
    assert (end.code, end.detail) == (JobEnd.CARGO_DISABLED, "the cargo was disabled: it mines")


@pytest.mark.parametrize("story", [[submitted(), assigned()], [submitted(), assigned(), started()]])
def test_a_running_attempt_is_lost_cancelled_and_costs_neither_karma_nor_credits(
    story: list[JobEvent],
) -> None:
    lost, end = added(JOB, story, STOP)
    assert isinstance(lost, AttemptLost)
    assert isinstance(end, JobFailed)
    assert (lost.loss, lost.attempt, end.code) == (Loss.CARGO_DISABLED, 1, JobEnd.CARGO_DISABLED)
    assert dispatching.react(lost, T0_MS) == [
        SendCancel(job_id=JOB_ID, attempt=1, island_id=ISLAND, reason="superseded")
    ]
    assert [*karma.react(lost, T0_MS), *karma.react(end, T0_MS)] == []
    release = ReleaseHold(account_id=CUSTOMER, job_id=JOB_ID, now_ms=T0_MS)
    assert settling.react(end, T0_MS) == [Order(decider=ACCOUNT, aggregate_id=CUSTOMER, command=release)]


@pytest.mark.parametrize("end", [succeeded(), failed("crashed"), cancelled()], ids=lambda e: type(e).__name__)
def test_a_job_that_has_ended_stays_as_it_is(end: Any) -> None:
    assert added(JOB, [submitted(), assigned(), end], STOP) == []


def test_what_was_asked_is_asked_until_it_is_recorded() -> None:
    planner = killing(submitted(), assigned(), KILLED)
    planner.failed(STOPPED[0])
    assert asked(planner) == STOPPED
    history: list[JobEvent] = [submitted(), assigned()]
    planner.take(commit(9, *added(JOB, history, STOP)))
    assert asked(planner) == []
