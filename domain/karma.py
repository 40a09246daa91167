"""Karma: how an island earns and loses trust. One point is about one hour of good compute.

Used by the island aggregate only. Times are whole milliseconds,
multipliers whole thousandths, so that the same work always gives the same points.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

KARMA_RULES_VERSION: Final = 1
MINUTE_MS: Final = 60_000
MINUTES_PER_POINT: Final = 60
PAYOUT_KARMA: Final = 10
SUSPENSION_KARMA: Final = -10
NEWCOMER_PERMILLE: Final = 1500
REGULAR_PERMILLE: Final = 1000

FLOOD_MS: Final = MINUTE_MS  # What comes within a minute of a penalized flood is the same flood.

FAULTS_BEFORE_COOLDOWN: Final = 3
COOLDOWN_FIRST_MS: Final = 5 * MINUTE_MS
COOLDOWN_LONGEST_MS: Final = 60 * MINUTE_MS


class Penalty(StrEnum):
    """What costs an island points."""

    ATTEMPT_FAILED = "attempt_failed"
    LEASE_LOST = "lease_lost"
    REFUSED_AFTER_ACCEPTING = "refused_after_accepting"
    QUORUM_CONTRADICTED = "quorum_contradicted"
    KNOWN_ANSWER_FAILED = "known_answer_failed"
    FLOODED = "flooded"


PENALTY_POINTS: Final = {
    Penalty.ATTEMPT_FAILED: 1,
    Penalty.LEASE_LOST: 2,
    Penalty.REFUSED_AFTER_ACCEPTING: 1,
    Penalty.QUORUM_CONTRADICTED: 24,
    Penalty.KNOWN_ANSWER_FAILED: 48,
    Penalty.FLOODED: 12,
}


WRONG_RESULT: Final = frozenset({Penalty.QUORUM_CONTRADICTED, Penalty.KNOWN_ANSWER_FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An island's karma, with what has been worked towards the next point."""

    karma: int = 0
    pending_minutes: int = 0
    pending_ms: int = 0  # Work of jobs shorter than a minute, towards one pending minute.


def multiplier_permille(karma: int) -> int:
    """New and recovering islands earn half as much again."""
    return NEWCOMER_PERMILLE if karma < PAYOUT_KARMA else REGULAR_PERMILLE


def after_work(standing: Standing, worked_ms: int) -> Standing:
    """The standing after `worked_ms` of one successful job."""
    credited_ms = worked_ms * multiplier_permille(standing.karma) // 1000
    if worked_ms >= MINUTE_MS:
        minutes, pending_ms = credited_ms // MINUTE_MS, standing.pending_ms
    else:
        minutes, pending_ms = divmod(standing.pending_ms + credited_ms, MINUTE_MS)
    points, pending_minutes = divmod(standing.pending_minutes + minutes, MINUTES_PER_POINT)
    return Standing(karma=standing.karma + points, pending_minutes=pending_minutes, pending_ms=pending_ms)


def cooldown_ms(faults_in_row: int) -> int:
    """How long an island pauses after its `faults_in_row`-th fault in a row; 0 means not at all."""
    if faults_in_row < FAULTS_BEFORE_COOLDOWN:
        return 0
    doublings = min(faults_in_row - FAULTS_BEFORE_COOLDOWN, 10)
    return min(COOLDOWN_FIRST_MS << doublings, COOLDOWN_LONGEST_MS)
