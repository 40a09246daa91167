"""What the network owes for a job that it lost or delayed, and how much. Pure; a new rule is a new version beside it.

Compensated is a job that ended for want of attempts, or that came late, after an island or the network had ended an
attempt at it. Not compensated: a job that its cargo failed, that found no island for its bid, that was cancelled, that
only islands of its own account had failed, and the network's own jobs. It is paid out of collected fees alone
(`domain.treasury`), never more than `PER_JOB_MICRO_MAX` a job and `PER_DAY_MICRO_MAX` an account and day (UTC).
"""

from enum import StrEnum
from typing import Final

from domain.pricing import MICRO_PER_CREDIT

COMPENSATION_RULES_VERSION: Final = 1
BID_PERMILLE: Final = {1: 100}
LATE_FACTOR: Final = {1: 2}
PER_JOB_MICRO_MAX: Final = {1: 10 * MICRO_PER_CREDIT}
PER_DAY_MICRO_MAX: Final = {1: 100 * MICRO_PER_CREDIT}
DAY_MS: Final = 86_400_000


class Cause(StrEnum):
    """Why a job is compensated."""

    LOST = "lost"  # It failed because islands did, as often as the rules let it be tried.
    LATE = "late"  # It succeeded, long after it should have, because attempts at it were lost.


def compensation_micro(bid_micro: int, *, rules_version: int = COMPENSATION_RULES_VERSION) -> int:
    """What one compensated job brings: a tenth of its bid, rounded down; 0 where that is less than a micro-credit."""
    return min(bid_micro * BID_PERMILLE[rules_version] // 1000, PER_JOB_MICRO_MAX[rules_version])


def is_late(waited_ms: int, limit_ms: int, *, rules_version: int = COMPENSATION_RULES_VERSION) -> bool:
    """Whether a result that came `waited_ms` after submission is late, where one run may take `limit_ms`."""
    return waited_ms > limit_ms * LATE_FACTOR[rules_version]


def left_today_micro(paid_today_micro: int, *, rules_version: int = COMPENSATION_RULES_VERSION) -> int:
    """How much an account may still get this day."""
    return max(0, PER_DAY_MICRO_MAX[rules_version] - paid_today_micro)
