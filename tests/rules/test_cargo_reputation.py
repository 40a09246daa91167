"""Every number of a cargo's reputation, as publishers and customers are told them."""

from typing import Any

import pytest

from domain.cargo import CARGO
from domain.cargo_commands import RecordIncident
from domain.cargo_events import CargoDisabled, CargoEvent, DisableCause, ReputationChanged
from domain.cargo_reputation import COMPLAINTS_MAX
from domain.cargo_state import COMPLAINT_WINDOW_MS
from domain.ids import AccountId, JobId
from domain.rejection import Rejection
from domain.reputation import (
    EXPECTED_RUNS_MIN,
    REPUTATION_RULES_VERSION,
    STREAK_RUNS,
    Band,
    Outcome,
    Standing,
    band_of,
    score_milli,
)
from domain.review import REVIEW
from tests.cargo_examples import (
    complaint,
    ends,
    published,
    rate,
    record_use,
    reputation_changed,
    review,
    use_end,
)
from tests.examples import PUBLISHER, SLUG, T0_MS
from tests.marketplace_examples import write
from tests.scenario import Scenario

GOOD, BAD, SLOW, CANCELLED = Outcome.SUCCEEDED, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.CANCELLED
DAY_S = 24 * 3_600


def after(*commands: Any, past: tuple[CargoEvent, ...] = ()) -> list[CargoEvent]:
    """All events of the cargo after these commands."""
    events: list[CargoEvent] = [published(), *past]
    for command in commands:
        events += CARGO.decide(CARGO.fold(events), command)
    return events


def milli(*commands: Any) -> int:
    return CARGO.fold(after(*commands)).standing.reputation_milli


def standing_at(reputation_milli: int) -> tuple[CargoEvent, ...]:
    return (reputation_changed(reputation_milli=reputation_milli, counted_through=0),)


def customers(count: int, *, every_s: float = 60) -> list[Any]:
    return [
        complaint(AccountId(f"customer-{number}"), JobId(f"job-{number}"), number * every_s)
        for number in range(count)
    ]


def test_a_reputation_starts_at_one() -> None:
    assert CARGO.fold(after()).standing.reputation_milli == 1_000
    assert score_milli(Standing()) == 1_000


@pytest.mark.parametrize(
    ("outcome", "change_milli"), [(GOOD, 10), (BAD, -100), (SLOW, -50), (CANCELLED, -20)]
)
def test_each_end_of_a_job_has_its_worth(outcome: Outcome, change_milli: int) -> None:
    assert milli(record_use(ends([outcome]))) == 1_000 + change_milli


def test_a_run_faster_than_expected_is_worth_a_half_more() -> None:
    usual = ends([GOOD] * EXPECTED_RUNS_MIN, worked_ms=1_000)
    at_least = 1_000 + 10 * EXPECTED_RUNS_MIN
    for worked_ms, change_milli in ((800, 15), (801, 10)):
        quick = use_end(EXPECTED_RUNS_MIN + 1, worked_ms=worked_ms)
        assert milli(record_use((*usual, quick))) == at_least + change_milli


def test_nothing_is_expected_of_a_cargo_that_has_hardly_run() -> None:
    few = ends([GOOD] * (EXPECTED_RUNS_MIN - 1), worked_ms=1_000)
    assert milli(record_use((*few, use_end(99, worked_ms=1)))) == 1_000 + 10 * EXPECTED_RUNS_MIN


def test_a_hundred_successes_in_a_row_are_worth_a_tenth_more() -> None:
    assert STREAK_RUNS == 100
    assert milli(record_use(ends([GOOD] * 99))) == 1_990
    assert milli(record_use(ends([GOOD] * 100))) == 2_100
    assert milli(record_use(ends([GOOD] * 200))) == 3_200


def test_a_failure_ends_a_streak_and_a_cancellation_does_not() -> None:
    broken = ends([GOOD] * 60 + [BAD] + [GOOD] * 60)
    assert milli(record_use(broken)) == 1_000 + 1_200 - 100
    paused = ends([GOOD] * 60 + [CANCELLED] + [GOOD] * 40)
    assert milli(record_use(paused)) == 1_000 + 1_000 - 20 + 100


def test_a_positive_rating_is_worth_a_twentieth() -> None:
    assert [milli(rate(stars)) for stars in (1, 2, 3, 4, 5)] == [1_000, 1_000, 1_000, 1_050, 1_050]


def test_an_account_rates_a_cargo_once() -> None:
    assert milli(rate(5), rate(5), rate(4)) == 1_050


def test_a_rating_counts_until_it_is_changed_or_taken_back() -> None:
    changed = rate(2, instead_of=5, revision=2)
    assert milli(rate(5), changed) == milli(rate(5), changed, changed) == 1_000
    assert milli(rate(5), rate(4, instead_of=5, revision=2)) == 1_050
    assert milli(rate(5), rate(0, instead_of=5, revision=2), rate(4, revision=3)) == 1_050
    standing = CARGO.fold(after(rate(5), changed, rate(0, instead_of=2, revision=3))).standing
    assert (standing.ratings, standing.positive_ratings) == (0, 0)


def test_a_complaint_costs_a_fifth() -> None:
    assert milli(complaint()) == 800


def test_an_account_complains_once_in_seven_days() -> None:
    assert COMPLAINT_WINDOW_MS == 7 * DAY_S * 1000
    assert milli(complaint(), complaint(seconds=7 * DAY_S - 1)) == 800
    assert milli(complaint(), complaint(seconds=7 * DAY_S)) == 600


def test_a_critical_incident_costs_a_half() -> None:
    incident = RecordIncident(slug=SLUG, incident_id="i-1", note="data left the sandbox", now_ms=T0_MS)
    assert milli(incident) == milli(incident, incident) == 500


def given(decider: Any) -> Scenario[Any, Any, Any]:
    """A cargo that is published and not judged yet."""
    return Scenario(decider).given(*(after() if decider is CARGO else ()))


@pytest.mark.parametrize(
    ("decider", "command"), [(REVIEW, write(5, job_id=None)), (CARGO, complaint(job_id=None))]
)
def test_only_who_ran_a_cargo_judges_it(decider: Any, command: Any) -> None:
    given(decider).when(command).then_rejected(Rejection.CARGO_NOT_RUN)


@pytest.mark.parametrize(
    ("decider", "command"), [(REVIEW, write(5, account_id=PUBLISHER)), (CARGO, complaint(PUBLISHER))]
)
def test_a_publisher_does_not_judge_the_own_cargo(decider: Any, command: Any) -> None:
    given(decider).when(command).then_rejected(Rejection.CARGO_NOT_RUN)


def test_a_reputation_never_leaves_zero_to_five() -> None:
    assert milli(record_use(ends([BAD] * 30))) == 0
    assert milli(record_use(ends([GOOD] * 1_000))) == 5_000


@pytest.mark.parametrize(
    ("least_milli", "band"),
    [
        (4_000, Band.EXCELLENT),
        (3_000, Band.GOOD),
        (2_000, Band.FAIR),
        (1_000, Band.POOR),
        (0, Band.CRITICAL),
    ],
)
def test_the_bands_are_excellent_good_fair_poor_and_critical(least_milli: int, band: Band) -> None:
    assert band_of(least_milli) is band_of(least_milli + 999) is band
    assert least_milli == 0 or band_of(least_milli - 1) is not band


def test_below_a_half_a_cargo_is_suspended() -> None:
    at_half = after(record_use(ends([BAD] * 5)))
    assert not CARGO.fold(at_half).is_disabled
    *_, suspended = after(record_use(ends([BAD] * 5)), record_use((use_end(6, CANCELLED),)))
    assert isinstance(suspended, CargoDisabled)
    assert (suspended.cause, suspended.evidence) == (DisableCause.REPUTATION, ("6.0",))
    assert suspended.reason == "its reputation fell to 0.480, below 0.5"


def test_ten_complaints_in_seven_days_disable_a_cargo_until_it_is_reviewed() -> None:
    assert COMPLAINTS_MAX == 10
    liked = standing_at(5_000)
    assert not CARGO.fold(after(*customers(9), past=liked)).is_disabled
    *_, disabled = after(*customers(10), past=liked)
    assert isinstance(disabled, CargoDisabled)
    assert disabled.cause is DisableCause.COMPLAINTS
    assert disabled.evidence == tuple(f"job job-{number}" for number in range(10))
    assert CARGO.fold(after(*customers(10), past=liked)).awaits_review


def test_after_a_review_complaints_are_counted_anew() -> None:
    again = complaint(AccountId("customer-10"), JobId("job-10"), 700)
    events = after(*customers(10), review(), again, past=standing_at(5_000))
    assert not CARGO.fold(events).is_disabled


def test_ten_complaints_over_a_longer_time_disable_nothing() -> None:
    slowly = customers(10, every_s=DAY_S)
    assert not CARGO.fold(after(*slowly, past=standing_at(5_000))).is_disabled


def test_the_score_weighs_success_sixty_reliability_twenty_five_and_feedback_fifteen() -> None:
    perfect = Standing(succeeded=10, ratings=1, positive_ratings=1)
    assert score_milli(perfect) == 5_000
    assert score_milli(Standing(failed=10, ratings=1, positive_ratings=1)) == 5_000 - 3_000
    assert score_milli(Standing(succeeded=10, ratings=1)) == 5_000 - 750
    assert score_milli(Standing(timed_out=10, ratings=1, positive_ratings=1)) == 750
    unreliable = Standing(succeeded=10, cancelled=10, ratings=1, positive_ratings=1)
    assert score_milli(unreliable) == 5_000 - 1_250 // 2
    assert score_milli(Standing(succeeded=10, complaints=1)) == 5_000 - 750


def test_every_end_is_counted_once() -> None:
    first, more = ends([GOOD, BAD]), ends([GOOD, BAD, GOOD])
    events = after(record_use(first), record_use(more), record_use(first), record_use(more))
    changes = [event for event in events if isinstance(event, ReputationChanged)]
    assert [change.evidence for change in changes] == [("1.0", "2.0"), ("3.0",)]
    assert CARGO.fold(events).standing.runs == 3


def test_a_change_names_its_cause_its_evidence_and_the_version_of_the_rules() -> None:
    change = after(record_use(ends([GOOD, SLOW])))[-1]
    assert isinstance(change, ReputationChanged)
    assert (change.change_milli, change.reputation_milli) == (-40, 960)
    assert (change.evidence, change.counted_through) == (("1.0", "2.0"), 2)
    assert change.reputation_rules_version == REPUTATION_RULES_VERSION == 1
