"""The rules of jobs in the numbers that people are told, each over every part that it takes.

Here are the numbers and the ways through several parts. Rules that one part keeps alone stand beside it: attempts,
faults, cancelling and idempotency in `tests/domain/test_job.py`, fair share and priority in
`tests/commands/processes/test_placing.py`, what a success must show in `tests/commands/test_intake.py`.
"""

from typing import Any

import pytest

from domain.failure import ReturnReason
from domain.job_events import JobFailed
from domain.job_state import Phase
from domain.trust import LEVEL_LIMITS
from tests.examples import cargo_with
from tests.story import Story


def running(*islands: str, **fields: Any) -> Story:
    """A job that has just started."""
    story = Story()
    for island in islands or ("harbour",):
        story.join(island)
    story.submit(**fields)
    story.wait()
    story.start()
    return story


def why_it_failed(story: Story) -> tuple[str, str]:
    [end] = story.events(JobFailed)
    return end.code, end.detail


def test_a_job_is_submitted_assigned_running_and_succeeded() -> None:
    story = Story()
    story.join("harbour")
    story.submit()
    phases = [story.job().phase]
    for step in (story.wait, story.start, story.succeed):
        step()
        phases.append(story.job().phase)
    assert phases == [Phase.SUBMITTED, Phase.ASSIGNED, Phase.RUNNING, Phase.SUCCEEDED]


def test_a_job_that_no_island_takes_fails_after_ten_minutes_with_the_counted_reasons() -> None:
    story = Story()
    for island in ("attic", "cellar"):
        story.join(island, ram_mb=1)
    story.join("harbour", runtimes=())
    story.submit()
    story.wait()
    story.wait(599.999)
    assert story.job().phase is Phase.SUBMITTED
    story.wait(0.001)
    assert why_it_failed(story) == (
        "unplaceable",
        "no island took the job in time: ram_short 2, runtime_unsupported 1",
    )


def test_a_job_that_fails_unplaced_names_what_refused_it_last() -> None:
    story = Story()
    story.join("harbour", ram_mb=1)
    story.submit()
    story.wait()
    story.join("harbour", asks={"_default": 6_000_000})
    story.wait(60)
    story.wait(540)
    assert why_it_failed(story)[1].endswith("ask_above_bid 1")


def test_a_job_that_waits_for_less_than_ten_minutes_says_so_itself() -> None:
    story = Story()
    story.submit(queue_limit_ms=5_000)
    story.wait(5)
    assert why_it_failed(story) == (
        "unplaceable",
        "no island took the job in time: no island has registered",
    )


def test_a_lease_of_sixty_seconds_has_five_of_grace() -> None:
    story = running()
    story.wait(64.999)
    assert story.job().attempt == 1
    story.wait(0.001)
    assert story.job().attempt == 2


@pytest.mark.parametrize("extend_ms", [60_000, 3_600_000], ids=["as agreed", "for an hour"])
def test_a_renewal_gives_sixty_seconds_from_then_however_much_is_asked_for(extend_ms: int) -> None:
    story = running()
    story.wait(30)
    story.renew(extend_ms=extend_ms)
    story.wait(64.999)
    assert story.job().attempt == 1
    story.wait(0.001)
    assert story.job().attempt == 2


@pytest.mark.parametrize("renewals", [0, 1, 2])
def test_a_lost_job_is_on_another_island_sixty_five_seconds_after_the_last_sign_of_life(
    renewals: int,
) -> None:
    story = running("attic", "harbour", cargo=cargo_with(limits={"wall_s": 3_600}))
    first = story.job().island_id
    for _ in range(renewals):
        story.wait(30)
        story.renew()
    story.wait(65)
    job = story.job()
    assert (job.phase, job.attempt) == (Phase.ASSIGNED, 2)
    assert job.island_id not in (None, first)


def test_an_attempt_given_back_to_protect_the_device_is_not_among_the_three() -> None:
    story = running()
    for _ in range(2):
        story.wait(65)
        story.start()
    story.give_back(ReturnReason.HEAT)
    story.wait(2)
    assert (story.job().phase, story.job().attempt) == (Phase.ASSIGNED, 4)
    story.wait(65)
    code, detail = why_it_failed(story)
    assert code == "attempts_exhausted"
    assert detail.startswith("3 attempts failed or were lost, 4 were made; ")


def test_the_tenth_attempt_is_the_last() -> None:
    story = running()
    for _ in range(9):
        story.give_back(ReturnReason.BATTERY)
        story.wait(2)
    assert story.job().attempt == 10
    story.give_back(ReturnReason.BATTERY)
    assert why_it_failed(story)[0] == "attempts_exhausted"


@pytest.mark.parametrize(("level", "wall_s"), [(0, 60), (1, 300), (2, 1_800), (3, 3_600)])
def test_a_run_may_take_as_long_as_its_trust_level_allows_and_a_minute_to_load(
    level: int, wall_s: int
) -> None:
    story = running(cargo=cargo_with(trust_level=level, limits={"wall_s": LEVEL_LIMITS[level].wall_s}))
    for _ in range((wall_s + 60) // 30 - 1):
        story.wait(30)
        story.renew()
    story.wait(29.999)
    assert story.job().phase is Phase.RUNNING
    story.wait(0.001)
    assert why_it_failed(story)[0] == "timed_out"
