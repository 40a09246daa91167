"""What happens to a check. Fields are storage format: add with a default, never rename, never change a meaning.

Decided in `domain.check`, stored under the literal names of `adapters.codec`. An answer is the very event by which a
run succeeded, so that paying it and judging its island need no second look-up. Times are Unix milliseconds of the
coordinator's clock.
"""

from dataclasses import dataclass
from enum import StrEnum

from domain.check_draw import CheckReason
from domain.ids import AccountId, IslandId, JobId
from domain.job_events import JobSucceeded


class Outcome(StrEnum):
    """What became of a checked result."""

    CONFIRMED = "confirmed"  # Most of the runs say the same, on islands of different owners.
    CONTRADICTED = "contradicted"  # Most of the runs say something else; theirs is the result that counts.
    INCONCLUSIVE = "inconclusive"  # Too few answers in time, or no two that agree.


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOpened:
    """`job_id` is the job whose result is checked, and the check's own id. `runs` counts that job's run too."""

    job_id: JobId
    reason: CheckReason
    runs: int
    opened_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaOrdered:
    """Another run of the same input, as a job of its own, for up to `bid_micro` of `account_id`'s credits.

    A bid of 0 stands for what the first run was offered.

    `due_at_ms` is when the check no longer waits for it, 0 while nothing else has answered.
    """

    job_id: JobId
    replica_id: JobId
    reason: CheckReason
    account_id: AccountId
    bid_micro: int
    excluded_owners: tuple[AccountId, ...]
    only_island: IslandId | None
    due_at_ms: int
    ordered_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecorded:
    job_id: JobId
    run: JobSucceeded
    due_at_ms: int
    recorded_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUnanswered:
    """One of the runs will give no answer."""

    job_id: JobId
    run_id: JobId
    recorded_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictReached:
    """Every answer is in one of the three groups; `undecided` ones are paid and prove nothing.

    `unanswered` are the runs that nobody waits for any longer.
    """

    job_id: JobId
    reason: CheckReason
    outcome: Outcome
    runs: int
    agreeing: tuple[JobSucceeded, ...]
    contradicted: tuple[JobSucceeded, ...]
    undecided: tuple[JobSucceeded, ...]
    unanswered: tuple[JobId, ...]
    reached_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LateAnswerTaken:
    """An answer that came behind the verdict. It was work, so it is paid; nobody compares it any more."""

    job_id: JobId
    run: JobSucceeded
    taken_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAnswerJudged:
    """An island was given a job whose answer was confirmed before."""

    job_id: JobId
    run: JobSucceeded
    is_right: bool
    judged_at_ms: int


CheckEvent = (
    CheckOpened
    | ReplicaOrdered
    | AnswerRecorded
    | RunUnanswered
    | VerdictReached
    | LateAnswerTaken
    | KnownAnswerJudged
)
