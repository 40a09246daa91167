"""What a person reads from `archipelago job why` in five typical cases, word for word.

The texts lie in `tests/golden/explanations`. A change of the view, of the score or of the rules shows here; look at
the difference, and where it is meant, renew the texts: `python -m tests.cli.test_explanations`.
"""

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

import pytest

from api.shapes.attempt import attempt_shape, refusals_shape
from api.shapes.charge import charge_shape
from api.shapes.job import error_text, queue_reasons
from api.shapes.present import present
from cli.placement_view import charge_text, repayment_text, show_placement, show_verdict
from domain.failure import Failure, ReturnReason
from domain.pricing import MICRO_PER_CREDIT
from projections.attempts import ATTEMPTS, AttemptRow
from projections.jobs import JOBS, JobRow
from projections.ledger import entries_of
from tests.examples import JOB_ID, OTHER_JOB_ID, cargo_with
from tests.story import Story

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "explanations"


def placed() -> Story:
    """The nearest and fastest of three islands; a fourth is away."""
    story = Story()
    story.join("attic", runtimes=(), region="eu-west")
    story.join("cellar", ram_mb=1_000, region="eu-west")
    story.join("garden", asks={"_default": 3 * MICRO_PER_CREDIT}, ram_mb=330, slots=4)
    story.join("harbour")
    story.beat("attic", is_leaving=True)
    story.submit()
    story.wait()
    story.start()
    story.succeed()
    return story


def no_island_online() -> Story:
    story = Story()
    for name in ("attic", "cellar"):
        story.join(name)
        story.beat(name, is_leaving=True)
    story.submit()
    story.wait()
    return story


def all_refused() -> Story:
    """Every island has another reason."""
    story = Story()
    story.join("attic", asks={"_default": 6 * MICRO_PER_CREDIT})
    story.join("cellar", ram_mb=200)
    story.join("garden", trust_level_min=1)
    story.join("harbour", region="us-east")
    story.join("lighthouse", slots=1)
    story.join("mill", runtimes=())
    story.submit(OTHER_JOB_ID, region="eu-west", bid_micro=4 * MICRO_PER_CREDIT)
    story.wait()
    story.submit(region="eu-west")
    story.wait()
    return story


def retried_elsewhere() -> Story:
    """The first island falls silent; the job goes on where it had been second."""
    story = Story()
    story.join("attic", ram_mb=1_000)
    story.join("harbour")
    story.submit()
    story.wait()
    story.start()
    story.wait(65)
    story.start()
    story.succeed()
    return story


def exhausted() -> Story:
    """Three attempts, each lost or failed by another island in another way."""
    story = Story()
    for name in ("attic", "cellar", "harbour"):
        story.join(name)
    story.submit(cargo=cargo_with(target_score=200))
    story.wait()
    story.start()
    story.fail(Failure.ENGINE_ERROR)
    story.wait()
    story.wait(65)
    story.start()
    story.fail(Failure.DOWNLOAD_FAILED)
    story.wait()
    return story


CASES: Final[dict[str, Callable[[], Story]]] = {
    case.__name__: case for case in (placed, no_island_online, all_refused, retried_elsewhere, exhausted)
}


def placement_of(story: Story) -> dict[str, Any]:
    """The answer of the API, from the rows that the log leads to."""
    job: JobRow | None = None
    attempts: dict[Any, AttemptRow | None] = {}
    for commit in story.commits:
        for event in commit.events:
            if type(event) in JOBS.concerns and event.job_id == JOB_ID:
                job = JOBS.row_after(job, event, commit.position)
            if type(event) in ATTEMPTS.concerns and (key := ATTEMPTS.key_of(event)) and key[0] == JOB_ID:
                attempts[key] = ATTEMPTS.row_after(attempts.get(key), event, commit.position)
    assert job is not None
    past = [event for commit in story.commits if commit.stream == f"job.{JOB_ID}" for event in commit.events]
    entries = [entry for commit in story.commits for entry in entries_of(commit) if entry.job_id == JOB_ID]
    return present(
        {
            "job_id": JOB_ID,
            "state": job.state,
            "attempts": [attempt_shape(row) for row in attempts.values() if row is not None],
            "queue_reasons": refusals_shape(job.refusals) if queue_reasons(job) else None,
            "error_code": job.error_code,
            "error": error_text(job),
            "charge": charge_shape(job, past, entries),
        }
    )


def explanation(case: Callable[[], Story]) -> str:
    said = io.StringIO()
    with redirect_stdout(said):
        show_placement(placement_of(case()))
    return said.getvalue()


@pytest.mark.parametrize("name", CASES)
def test_a_person_reads(name: str) -> None:
    assert explanation(CASES[name]) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_every_text_belongs_to_a_case() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == CASES.keys()


def standing(story: Story) -> str:
    """What stands above the last line, which is about the charge."""
    line, _ = explanation(lambda: story).splitlines()[-2:]
    return line


def test_a_job_without_any_island_says_how_one_joins() -> None:
    story = Story()
    story.submit()
    story.wait()
    assert standing(story).endswith("where no island has joined so far: archipelago island join URL")


def test_a_job_that_was_never_placed_says_why_nothing_is_to_be_seen() -> None:
    story = Story()
    story.submit()
    story.submit(OTHER_JOB_ID)
    story.cancel()
    assert standing(story) == "The job was cancelled before it was placed."
    story = Story()
    story.submit()
    story.wait(600)
    assert "unplaceable: no island took the job in time" in standing(story)


def test_a_job_between_two_attempts_says_that_it_waits() -> None:
    story = Story()
    story.join("harbour")
    story.submit()
    story.wait()
    story.give_back(ReturnReason.HEAT)
    assert standing(story).endswith("was not placed again yet. Look again in a moment.")


def charged(**charge: object) -> str:
    return charge_text({"standing": "settled", "bid": "5.0", "released": "0.0", "event": "9.0"} | charge)


def test_a_metered_charge_is_told_unit_by_unit_and_where_it_was_cut() -> None:
    shares = {"platform_fee": "0.5", "publisher": "0.25", "island": "4.25", "price_rules_version": 2}
    text = charged(charged="5.0", ask="0.1", unit="million_fuel", units=70, capped_by_bid=True, **shares)
    assert "the island's ask of 0.1 a million fuel, times 70, cut to the bid of 5.0." in text
    assert "by price rules 2 (event 9.0)." in text


def test_a_job_that_succeeded_and_is_not_booked_yet_says_so() -> None:
    assert "still held" in charge_text({"standing": "unsettled", "bid": "5.0"})


def test_what_came_back_after_the_end_is_told_with_its_causes() -> None:
    paid = {"kind": "compensated", "amount": "0.3", "event": "40.0", "reason": "late"}
    text = repayment_text(paid | {"evidence": ["7.0", "9.0"], "compensation_rules_version": 1})
    assert text == (
        "The network paid 0.3 credits because the job was late, by compensation rules 1 (event 40.0). "
        "The attempts that ended: events 7.0, 9.0."
    )
    refunded = {"kind": "refunded", "amount": "0.1", "event": "41.0", "original": "30.0"}
    assert repayment_text(refunded) == "0.1 credits of it were refunded (event 41.0, for settlement 30.0)."


def test_compared_runs_are_told_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [
        {"job_id": "run-2", "host_id": "i-2", "host_name": "harbour", "vote": "agrees"},
        {"job_id": "run-3", "host_id": "i-3", "vote": "agrees"},
        {"job_id": "run-1", "host_id": "i-1", "host_name": "attic", "vote": "differs"},
    ]
    show_verdict(
        {"outcome": "contradicted", "reason": "redundancy", "answer_id": "run-2", "runs": runs}, "run-1"
    )
    said = [line.split() for line in capsys.readouterr().out.splitlines() if "─" not in line]
    assert said == [
        ["Its", "result", "was", "compared", "(you", "asked", "for", "several", "runs):", "contradicted."],
        ["The", "output", "is", "that", "of", "run", "run-2."],
        ["RUN", "ISLAND", "VOTE"],
        ["run-2", "harbour", "agrees"],
        ["run-3", "i-3", "agrees"],
        ["run-1", "attic", "differs"],
    ]


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, case in CASES.items():
        (GOLDEN / f"{name}.txt").write_text(explanation(case), encoding="utf-8")
