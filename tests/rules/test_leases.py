"""Leases and what ends them: signs of life, silence, islands that come back, devices that protect themselves."""

import json
from typing import Any

import pytest

from api.workers import hear_output
from commands.event_log import Commit
from commands.processes.renewing import Renewing
from domain.account_events import HoldSettled
from domain.claim import wire_id
from domain.failure import ReturnReason
from domain.island_events import KarmaPenalized
from domain.job import JOB, LEASE_STEP_MS
from domain.job_commands import SucceedAttempt
from domain.job_events import AttemptLost, JobSucceeded, LeaseRenewed
from domain.job_state import Phase
from tests.examples import (
    ISLAND,
    JOB_ID,
    OUTPUT,
    T0_MS,
    USAGE,
    assigned,
    at_ms,
    cargo_with,
    joined,
    origin,
    started,
    submitted,
)
from tests.story import Story

AN_HOUR = cargo_with(limits={"wall_s": 3_600})
PROTECTING = (ReturnReason.HEAT, ReturnReason.BATTERY, ReturnReason.METERED, ReturnReason.OWNER)


def running(*islands: str) -> Story:
    """A job that has just started, on one of the islands."""
    story = Story()
    for island in islands or ("harbour",):
        story.join(island)
    story.submit(cargo=AN_HOUR)
    story.wait()
    story.start()
    return story


def test_a_flood_of_renewals_makes_six_facts_a_minute_at_most() -> None:
    story = running()
    for _ in range(600):
        story.wait(0.1)
        story.renew()
    assert len(story.events(LeaseRenewed)) == 60_000 // LEASE_STEP_MS
    story.wait(54)
    assert story.job().phase is Phase.RUNNING


def test_a_late_success_is_not_billed_and_changes_nothing() -> None:
    story = running("attic", "harbour")
    late = story.attempt()
    story.wait(65)
    story.start()
    before = len(story.commits)
    told = SucceedAttempt(**late, output=OUTPUT, usage=USAGE)
    assert not story.do(JOB, JOB_ID, told)
    assert len(story.commits) == before
    story.succeed()
    assert not story.do(JOB, JOB_ID, told)
    [success] = story.events(JobSucceeded)
    [paid] = story.events(HoldSettled)
    assert success.island_id == paid.island_id != late["island_id"]


@pytest.mark.parametrize("reason", PROTECTING)
def test_a_device_that_protects_itself_pays_nothing_and_the_job_goes_on_elsewhere(
    reason: ReturnReason,
) -> None:
    story = running("attic", "harbour")
    first = story.job().island_id
    story.give_back(reason)
    story.wait(2)
    job = story.job()
    assert (job.phase, job.failed_attempts) == (Phase.ASSIGNED, 0)
    assert job.island_id not in (None, first)
    assert not story.events(KarmaPenalized)


def test_an_island_that_vanishes_and_comes_back_may_take_its_own_job_again() -> None:
    story = running()
    story.wait(65)
    assert len(story.events(AttemptLost)) == 1
    story.start()
    story.succeed()
    assert story.job().phase is Phase.SUCCEEDED
    assert story.job().attempt == 2


@pytest.mark.parametrize(
    "said",
    [
        {"seq": 1, "chunk": "a word", "is_final": False},
        {"step": 3, "total": 20},
        {"image_data": "aGk=", "format": "png", "width": 8, "height": 8},
    ],
    ids=["text", "progress", "an image"],
)
def test_whatever_a_daemon_with_a_password_puts_out_keeps_its_lease(said: dict[str, Any]) -> None:
    renewing = Renewing()
    story = (joined(password_sha256=64 * "0", user_key=None), submitted(), assigned(), started())
    for position, event in enumerate(story, start=1):
        renewing.take(
            Commit(
                position=position,
                stream="any",
                events=(event,),
                recorded_at_ms=T0_MS,
                origin=origin(f"c{position}"),
            )
        )
    body = json.dumps({"job_id": wire_id(JOB_ID, 1), **said}).encode()
    hear_output(renewing, ISLAND, body, at_ms(40))
    [order] = renewing.plan(at_ms(50))
    assert order.command.now_ms == at_ms(40)
