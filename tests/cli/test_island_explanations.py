"""What an owner reads of an island: why it gets no jobs, and what its karma is made of, word for word.

The texts lie in `tests/golden/islands`; renew them with `python -m tests.cli.test_island_explanations`.
"""

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

import pytest

from api.shapes.idleness import idleness_shape
from api.shapes.karma import change_shape, karma_shape
from cli.idleness_view import REMEDIES, TERM_REMEDIES, counted, show_idleness
from cli.karma_view import show_karma
from cli.placement_view import LOSSES
from commands.idleness import PLAIN_TERMS, WEIGHTED_TERMS, IdleWatch
from commands.karma_statement import Moment, karma_statement
from domain.failure import Failure, Loss
from domain.ids import IslandId, JobId
from domain.island import ISLAND
from domain.island_commands import CreditWork, PenalizeKarma
from domain.karma import Penalty
from domain.placement import Refusal
from domain.pricing import MICRO_PER_CREDIT
from tests.examples import JOB_ID, OTHER_JOB_ID
from tests.story import Story

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "islands"
ATTIC: Final = IslandId("attic")
HOUR_MS: Final = 3_600_000


def submit(story: Story, jobs: int, bid_credits: int) -> None:
    for _ in range(jobs):
        number = len(story.commits)
        story.submit(JobId(f"0192d0b4-7c2e-7aaa-8bbb-{number:012}"), bid_micro=bid_credits * MICRO_PER_CREDIT)
        story.wait(1)


def too_dear() -> Story:
    """The attic asks more than most bid, and is outscored for the rest."""
    story = Story()
    story.join("attic", asks={"_default": 3 * MICRO_PER_CREDIT}, slots=8)
    story.join("harbour", asks={"_default": 1 * MICRO_PER_CREDIT}, slots=20)
    submit(story, 4, 2)
    submit(story, 2, 4)
    return story


def away() -> Story:
    story = Story()
    story.join("attic")
    story.join("harbour", slots=8)
    story.now_ms += 60_000
    story.beat("attic", is_leaving=True)
    submit(story, 3, 4)
    story.now_ms += 240_000
    return story


def too_strict() -> Story:
    story = Story()
    story.join("attic", trust_level_min=2)
    submit(story, 2, 4)
    return story


def nothing_to_do() -> Story:
    story = Story()
    story.join("attic")
    return story


def ups_and_downs() -> Story:
    """Work, a lost lease, work again, a contradicted result."""
    story = Story()
    story.join("attic")
    work(story, 20, attempt=1)
    fault(story, Penalty.LEASE_LOST, JOB_ID)
    work(story, 5, attempt=2)
    fault(story, Penalty.QUORUM_CONTRADICTED, OTHER_JOB_ID)
    return story


def failed_once() -> Story:
    story = Story()
    story.join("attic")
    story.submit()
    story.wait()
    story.start()
    story.fail(Failure.ENGINE_ERROR)
    return story


def work(story: Story, hours: int, *, attempt: int) -> None:
    story.now_ms += hours * HOUR_MS
    credit = CreditWork(
        island_id=ATTIC, job_id=JOB_ID, attempt=10 + attempt, worked_ms=hours * HOUR_MS, now_ms=story.now_ms
    )
    story.do(ISLAND, ATTIC, credit)


def fault(story: Story, penalty: Penalty, job_id: JobId) -> None:
    story.now_ms += HOUR_MS
    blame = PenalizeKarma(island_id=ATTIC, job_id=job_id, attempt=1, penalty=penalty, now_ms=story.now_ms)
    story.do(ISLAND, ATTIC, blame)


def idle_text(story: Story) -> str:
    watch = IdleWatch(ATTIC, None, story.commits[0].recorded_at_ms)
    for commit in story.commits:
        watch.take(commit)
    shape = idleness_shape(ATTIC, watch.told(story.now_ms))
    return said(lambda: show_idleness(shape, "attic"))


def karma_text(story: Story) -> str:
    history = [commit for commit in story.commits if commit.stream == "island.attic"]
    statement = karma_statement(history, Moment())
    shape: dict[str, Any] = karma_shape(ATTIC, statement) | {
        "name": "attic",
        "changes": [change_shape(change) for change in reversed(statement.changes)],
        "changes_in_all": len(statement.changes),
    }
    return said(lambda: show_karma(shape))


def said(show: Callable[[], None]) -> str:
    text = io.StringIO()
    with redirect_stdout(text):
        show()
    return text.getvalue()


CASES: Final[dict[str, tuple[Callable[[Story], str], Callable[[], Story]]]] = {
    "idle_too_dear": (idle_text, too_dear),
    "idle_away": (idle_text, away),
    "idle_too_strict": (idle_text, too_strict),
    "idle_nothing_to_do": (idle_text, nothing_to_do),
    "karma_new_here": (karma_text, nothing_to_do),
    "karma_ups_and_downs": (karma_text, ups_and_downs),
    "karma_failed_once": (karma_text, failed_once),
}


def text_of(name: str) -> str:
    tell, story = CASES[name]
    return tell(story())


@pytest.mark.parametrize("name", CASES)
def test_an_owner_reads(name: str) -> None:
    assert text_of(name) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_every_text_belongs_to_a_case() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == CASES.keys()


def test_every_refusal_and_every_term_tells_an_owner_what_to_do() -> None:
    assert set(REMEDIES) == set(Refusal)
    assert set(TERM_REMEDIES) == {*WEIGHTED_TERMS, *PLAIN_TERMS}
    assert set(LOSSES) == set(Loss)


@pytest.mark.parametrize(("jobs", "said"), [(0, "0 jobs were"), (1, "1 job was"), (2, "2 jobs were")])
def test_one_job_is_told_as_one(jobs: int, said: str) -> None:
    assert counted(jobs) == said


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name in CASES:
        (GOLDEN / f"{name}.txt").write_text(text_of(name), encoding="utf-8")
