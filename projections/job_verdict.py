"""What comparing its result came to, as a job's row shows it to its owner.

Used by `projections.jobs`. The runs that were made for comparison are jobs of their own and are named here.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from domain.check_draw import CheckReason
from domain.check_events import Outcome, VerdictReached
from domain.ids import AccountId, IslandId, JobId
from domain.job_events import JobSucceeded


class Vote(StrEnum):
    """Where one run stood."""

    AGREES = "agrees"  # It is of the majority.
    DIFFERS = "differs"  # Most say something else.
    UNDECIDED = "undecided"  # There was no majority.
    UNANSWERED = "unanswered"  # It gave no answer in time.


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRun:
    job_id: JobId
    island_id: IslandId | None
    vote: Vote


@dataclass(frozen=True, slots=True, kw_only=True)
class JobVerdict:
    """`answer_id` is the run whose output counts: the job's own where it agrees or nothing was proven.

    `charged_micro` is what all runs together cost the job's own account.
    """

    outcome: Outcome
    reason: CheckReason
    answer_id: JobId
    charged_micro: int
    runs: tuple[ComparedRun, ...]


def verdict_of(event: VerdictReached, account_id: AccountId) -> JobVerdict:
    paid = [run for run in (*event.agreeing, *event.undecided) if run.account_id == account_id]
    answer = counting_answer(event)
    return JobVerdict(
        outcome=event.outcome,
        reason=event.reason,
        answer_id=event.job_id if answer is None else answer.job_id,
        charged_micro=sum(run.charge_micro or run.price_micro for run in paid),
        runs=(
            *(compared(run, Vote.AGREES) for run in event.agreeing),
            *(compared(run, Vote.DIFFERS) for run in event.contradicted),
            *(compared(run, Vote.UNDECIDED) for run in event.undecided),
            *(ComparedRun(job_id=run, island_id=None, vote=Vote.UNANSWERED) for run in event.unanswered),
        ),
    )


def compared(run: JobSucceeded, vote: Vote) -> ComparedRun:
    return ComparedRun(job_id=run.job_id, island_id=run.island_id, vote=vote)


def counting_answer(event: VerdictReached) -> JobSucceeded | None:
    """The run whose output takes the place of the job's own, or None where the job's own stands."""
    match event.outcome:
        case Outcome.INCONCLUSIVE:
            return None
        case Outcome.CONFIRMED | Outcome.CONTRADICTED:
            is_own = any(run.job_id == event.job_id for run in event.agreeing)
            return None if is_own else event.agreeing[0]
        case _:
            assert_never(event.outcome)
