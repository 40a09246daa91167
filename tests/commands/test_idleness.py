"""What one island met of what was decided: jobs it won, lost by points, or was kept out of."""

from commands.idleness import Fate, Idleness, IdleWatch
from domain.ids import IslandId
from domain.placement import Refusal
from domain.pricing import MICRO_PER_CREDIT
from tests.examples import JOB_ID, OTHER_JOB_ID
from tests.story import Story


def seen_by(story: Story, name: str, since_ms: int = 0) -> Idleness:
    watch = IdleWatch(IslandId(name), None, since_ms or story.commits[0].recorded_at_ms)
    for commit in story.commits:
        watch.take(commit)
    return watch.told(story.now_ms)


def test_a_job_that_another_island_won_is_lost_by_its_worst_term() -> None:
    story = Story()
    story.join("garden", asks={"_default": 1 * MICRO_PER_CREDIT})
    story.join("harbour", asks={"_default": 4 * MICRO_PER_CREDIT})
    story.submit()
    story.wait()
    (won,), (lost,) = seen_by(story, "garden").fates, seen_by(story, "harbour").fates
    assert won.fate is Fate.WON
    assert (lost.fate, lost.winner, lost.term, lost.gap) == (Fate.OUTSCORED, "garden", "price", 6.0)


def test_an_ask_above_the_bid_tells_at_which_ask_it_would_have_fitted() -> None:
    story = Story()
    story.join("garden", asks={"_default": 9 * MICRO_PER_CREDIT})
    story.join("harbour", asks={"_default": 9 * MICRO_PER_CREDIT}, trust_level_min=1)
    story.submit(bid_micro=3 * MICRO_PER_CREDIT)
    story.wait()
    (fate,) = seen_by(story, "garden").fates
    assert (fate.refusal, fate.would_fit_at_micro) == (Refusal.ASK_ABOVE_BID, 3 * MICRO_PER_CREDIT)
    (fate,) = seen_by(story, "harbour").fates
    assert (fate.refusal, fate.would_fit_at_micro) == (Refusal.TRUST_REFUSED, None)


def test_a_job_counts_once_by_its_last_decision() -> None:
    story = Story()
    story.join("garden", asks={"_default": 9 * MICRO_PER_CREDIT})
    story.submit(bid_micro=3 * MICRO_PER_CREDIT)
    story.wait()
    story.beat("garden", asks_micro={"_default": MICRO_PER_CREDIT})
    story.wait(1)
    (fate,) = seen_by(story, "garden").fates
    assert fate.fate is Fate.WON


def test_the_time_an_island_was_away_is_added_up() -> None:
    story = Story()
    story.join("garden")
    since_ms = story.now_ms
    story.now_ms += 60_000
    story.beat("garden", is_leaving=True)
    story.now_ms += 30_000
    story.submit()
    story.wait()
    story.now_ms += 10_000
    seen = seen_by(story, "garden", since_ms + 1)
    assert seen.offline_ms == 40_000
    assert [fate.refusal for fate in seen.fates] == [Refusal.OFFLINE]


def test_what_was_decided_before_is_folded_and_not_counted() -> None:
    story = Story()
    story.join("garden", slots=1)
    story.submit()
    story.wait()
    story.now_ms += 60_000
    since_ms = story.now_ms
    story.submit(OTHER_JOB_ID)
    story.wait()
    seen = seen_by(story, "garden", since_ms)
    assert {fate.refusal for fate in seen.fates} == {Refusal.AT_CAPACITY}
    assert story.job(JOB_ID).island_id == "garden"


def test_runs_that_compare_results_are_told_to_no_island() -> None:
    story = Story()
    story.join("garden")
    story.submit(check_id=OTHER_JOB_ID)
    story.wait()
    assert seen_by(story, "garden").fates == ()
