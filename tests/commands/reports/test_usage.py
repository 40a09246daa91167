"""What a usage report counts: jobs by how they ended, tokens, time and credits, by day and by cargo."""

from dataclasses import replace

from commands.reports.period import month_of
from commands.reports.report import Kind
from domain.failure import Failure
from domain.ids import JobId
from domain.job import JOB
from domain.job_commands import SucceedAttempt
from tests import examples
from tests.commands.reports.orders import EVERYBODY, account, figures, made, rows
from tests.examples import CUSTOMER, PRICE_MICRO
from tests.story import Story

GOOD, BAD, CANCELLED, OPEN = (JobId(f"job-{word}") for word in ("good", "bad", "cancelled", "open"))


def four_jobs() -> Story:
    story = Story()
    story.join("island-1", asks={"_default": PRICE_MICRO})
    story.submit(GOOD)
    story.wait()
    story.start(GOOD)
    story.now_ms += 10_000
    usage = replace(examples.USAGE, wall_ms=2_500, prompt_tokens=20, completion_tokens=30)
    story.do(JOB, GOOD, SucceedAttempt(**story.attempt(GOOD), output=examples.OUTPUT, usage=usage))
    story.submit(BAD)
    story.wait()
    story.start(BAD)
    story.fail(Failure.CRASHED, BAD)
    story.submit(CANCELLED)
    story.cancel(CANCELLED)
    story.submit(OPEN)
    return story


async def test_jobs_are_counted_by_how_they_ended_and_open_ones_not_yet() -> None:
    found = figures(await made(four_jobs(), Kind.USAGE, account(CUSTOMER)))
    assert found == {
        "jobs": 3,
        "succeeded": 1,
        "failed": 1,
        "cancelled": 1,
        "prompt_tokens": 20,
        "completion_tokens": 30,
        "worked_ms": 2_500,
        "charged_micro": PRICE_MICRO,
    }


async def test_a_job_counts_on_the_day_on_which_its_hold_ended_also_where_it_began_the_month_before() -> None:
    february = month_of("2027-02")
    story = Story()
    story.now_ms = february.since_ms - 1
    story.join("island-1", asks={"_default": PRICE_MICRO})
    story.submit(GOOD)
    story.wait()
    story.start(GOOD)
    story.now_ms += 1
    story.succeed(GOOD)
    for subject in (EVERYBODY, account(CUSTOMER)):
        assert figures(await made(story, Kind.USAGE, subject, month_of("2027-01")))["jobs"] == 0
        [day] = rows(await made(story, Kind.USAGE, subject, february), "by_day_and_cargo")
        assert (day["day"], day["cargo"], day["jobs"]) == ("2027-02-01", "wasm-hash", 1)


async def test_a_stranger_s_jobs_are_not_counted() -> None:
    assert figures(await made(four_jobs(), Kind.USAGE, account("owner")))["jobs"] == 0
    assert figures(await made(four_jobs(), Kind.USAGE, EVERYBODY))["jobs"] == 3
