"""The reputation of a cargo: what each use, rating, complaint and incident does to it, in thousandths of a point.

Pure arithmetic on `Standing`, called by the cargo aggregate. Reputation runs from 0 to 5. The version of these rules
stands in every change, so that a past one can be recomputed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never

from domain.ids import JobId

REPUTATION_RULES_VERSION: Final = 1
REPUTATION_MILLI_MAX: Final = 5_000
REPUTATION_START_MILLI: Final = 1_000
SUSPENDED_BELOW_MILLI: Final = 500

SUCCESS_MILLI: Final = 10
FASTER_MILLI: Final = 5
POSITIVE_RATING_MILLI: Final = 50
STREAK_MILLI: Final = 100
ERROR_MILLI: Final = -100
TIME_OUT_MILLI: Final = -50
USER_CANCEL_MILLI: Final = -20
COMPLAINT_MILLI: Final = -200
INCIDENT_MILLI: Final = -500

STREAK_RUNS: Final = 100
FASTER_PERCENT: Final = 80
"""A run is faster than expected that took at most this share of what the cargo's runs took on average before it."""
EXPECTED_RUNS_MIN: Final = 10
"""Successes behind an average before anything is expected of the next run."""
POSITIVE_STARS_MIN: Final = 4
STARS_MAX: Final = 5

SUCCESS_WEIGHT: Final = 60
RELIABILITY_WEIGHT: Final = 25
FEEDBACK_WEIGHT: Final = 15


class Outcome(StrEnum):
    """How one use of a cargo ended, as far as the cargo had a part in it."""

    SUCCEEDED = "succeeded"  # The job has its result.
    FAILED = "failed"  # The cargo's own fault: it crashed, trapped, or left its limits.
    TIMED_OUT = "timed_out"  # It ran longer than its wall limit.
    CANCELLED = "cancelled"  # Its user ended the job while it ran.


class ReputationCause(StrEnum):
    """What a reputation changed by."""

    USE = "use"  # Jobs that ended.
    RATING = "rating"  # A customer's rating.
    COMPLAINT = "complaint"  # A customer's complaint.
    INCIDENT = "incident"  # A critical incident that staff recorded.


class Band(StrEnum):
    """A reputation in a word."""

    EXCELLENT = "excellent"  # 4 points and more.
    GOOD = "good"  # 3 points and more.
    FAIR = "fair"  # 2 points and more.
    POOR = "poor"  # 1 point and more.
    CRITICAL = "critical"  # Less than 1 point.


BAND_FROM_MILLI: Final = (
    (4_000, Band.EXCELLENT),
    (3_000, Band.GOOD),
    (2_000, Band.FAIR),
    (1_000, Band.POOR),
    (0, Band.CRITICAL),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UseEnd:
    """One job that ended. `(position, index)` is the address of the event; a position is counted once."""

    position: int
    index: int
    job_id: JobId
    outcome: Outcome
    worked_ms: int = 0

    @property
    def address(self) -> str:
        return f"{self.position}.{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Ends counted together. `faster` of the successes were faster than expected; `in_row` is the streak afterwards."""

    succeeded: int = 0
    faster: int = 0
    streaks: int = 0
    failed: int = 0
    timed_out: int = 0
    cancelled: int = 0
    worked_ms: int = 0
    in_row: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything a cargo's reputation follows from. `worked_ms` is that of all successes together."""

    reputation_milli: int = REPUTATION_START_MILLI
    succeeded: int = 0
    failed: int = 0
    timed_out: int = 0
    cancelled: int = 0
    worked_ms: int = 0
    in_row: int = 0
    ratings: int = 0
    positive_ratings: int = 0
    complaints: int = 0

    @property
    def runs(self) -> int:
        """Uses that came to an end of their own: what a share of success is taken of."""
        return self.succeeded + self.failed + self.timed_out


def moved(reputation_milli: int, change_milli: int) -> int:
    """A reputation after a change; it never leaves 0 to 5."""
    return max(0, min(REPUTATION_MILLI_MAX, reputation_milli + change_milli))


def band_of(reputation_milli: int) -> Band:
    return next(band for least, band in BAND_FROM_MILLI if reputation_milli >= least)


def is_positive(stars: int) -> bool:
    return stars >= POSITIVE_STARS_MIN


def tally_of_one(standing: Standing, end: UseEnd) -> Tally:
    """What there is to count in one end, by what the cargo's runs were like before it."""
    match end.outcome:
        case Outcome.SUCCEEDED:
            in_row = standing.in_row + 1
            return Tally(
                succeeded=1,
                faster=is_faster(standing, end),
                streaks=in_row % STREAK_RUNS == 0,
                worked_ms=end.worked_ms,
                in_row=in_row,
            )
        case Outcome.FAILED:
            return Tally(failed=1)
        case Outcome.TIMED_OUT:
            return Tally(timed_out=1)
        case Outcome.CANCELLED:
            return Tally(cancelled=1, in_row=standing.in_row)  # A change of mind ends no streak.
        case _:
            assert_never(end.outcome)


def is_faster(standing: Standing, end: UseEnd) -> bool:
    if standing.succeeded < EXPECTED_RUNS_MIN:
        return False
    return end.worked_ms * 100 * standing.succeeded <= FASTER_PERCENT * standing.worked_ms


def change_milli_of(tally: Tally) -> int:
    """What a tally is worth, before the bounds of the reputation cut it."""
    return (
        tally.succeeded * SUCCESS_MILLI
        + tally.faster * FASTER_MILLI
        + tally.streaks * STREAK_MILLI
        + tally.failed * ERROR_MILLI
        + tally.timed_out * TIME_OUT_MILLI
        + tally.cancelled * USER_CANCEL_MILLI
    )


def added(tally: Tally, step: Tally) -> Tally:
    """Both together; the later streak is the one that stands."""
    return Tally(
        succeeded=tally.succeeded + step.succeeded,
        faster=tally.faster + step.faster,
        streaks=tally.streaks + step.streaks,
        failed=tally.failed + step.failed,
        timed_out=tally.timed_out + step.timed_out,
        cancelled=tally.cancelled + step.cancelled,
        worked_ms=tally.worked_ms + step.worked_ms,
        in_row=step.in_row,
    )


def with_tally(standing: Standing, tally: Tally, reputation_milli: int) -> Standing:
    return replace(
        standing,
        reputation_milli=reputation_milli,
        succeeded=standing.succeeded + tally.succeeded,
        failed=standing.failed + tally.failed,
        timed_out=standing.timed_out + tally.timed_out,
        cancelled=standing.cancelled + tally.cancelled,
        worked_ms=standing.worked_ms + tally.worked_ms,
        in_row=tally.in_row,
    )


def with_rating(standing: Standing, stars: int, previous_stars: int) -> Standing:
    """`stars` count instead of `previous_stars`; 0 is no rating."""
    ratings = standing.ratings + bool(stars) - bool(previous_stars)
    positive_ratings = standing.positive_ratings + is_positive(stars) - is_positive(previous_stars)
    return replace(standing, ratings=ratings, positive_ratings=positive_ratings)


def with_complaint(standing: Standing) -> Standing:
    return replace(standing, complaints=standing.complaints + 1)


def after_uses(standing: Standing, ends: Sequence[UseEnd]) -> tuple[Standing, Tally]:
    """The standing after these ends, one by one in this order, and all that was counted."""
    tally = Tally(in_row=standing.in_row)
    for end in ends:
        step = tally_of_one(standing, end)
        reputation_milli = moved(standing.reputation_milli, change_milli_of(step))
        standing, tally = with_tally(standing, step, reputation_milli), added(tally, step)
    return standing, tally


def score_milli(standing: Standing) -> int:
    """0 to 5000: how good the cargo is by its whole record. Success counts 60 %, reliability 25 %, feedback 15 %.

    Success is the share of runs that succeeded; reliability the share of uses that neither timed out nor were
    cancelled; feedback the share of ratings and complaints that are positive ratings. A share of nothing is one fifth,
    so a new cargo has the score it has the reputation of: 1.000.
    """
    uses = standing.runs + standing.cancelled
    reliable = uses - standing.timed_out - standing.cancelled
    said = standing.ratings + standing.complaints
    weighted = (
        SUCCESS_WEIGHT * share_milli(standing.succeeded, standing.runs)
        + RELIABILITY_WEIGHT * share_milli(reliable, uses)
        + FEEDBACK_WEIGHT * share_milli(standing.positive_ratings, said)
    )
    return weighted // (SUCCESS_WEIGHT + RELIABILITY_WEIGHT + FEEDBACK_WEIGHT)


def share_milli(part: int, whole: int) -> int:
    """A share as 0 to 5000."""
    return part * REPUTATION_MILLI_MAX // whole if whole else REPUTATION_START_MILLI
