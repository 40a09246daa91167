"""Checking: results are compared before they are believed.

From what a customer asked for and what placing drew, checks are opened; from how their runs end, they get answers; from
their verdicts, islands learn how many valid results they have in a row. An island that is caught is doubted: its last
results that nobody compared are run again elsewhere.
"""

from collections.abc import Sequence
from typing import Any, Final

from commands.process import Order, Process, Reaction
from commands.replicas import DoubtResult, SubmitReplica, WithdrawReplica
from domain.check import CHECK
from domain.check_commands import CheckCommand, CheckResult, OpenCheck, RecordAnswer, RecordNoAnswer
from domain.check_draw import CheckReason
from domain.check_events import KnownAnswerJudged, ReplicaOrdered, VerdictReached
from domain.ids import JobId
from domain.island import ISLAND
from domain.island_commands import ConfirmResult, ContradictResult
from domain.island_events import ResultContradicted
from domain.job_events import JobCancelled, JobFailed, JobSubmitted, JobSucceeded

DRAWN: Final = frozenset({CheckReason.NEWCOMER, CheckReason.SAMPLED})


def react(event: Any, at_ms: int) -> Sequence[Reaction]:
    match event:
        case JobSubmitted() if event.redundancy > 1:
            return [order(event.job_id, opening(event, at_ms))]
        case JobSucceeded() if event.check_id is not None:
            return [order(event.check_id, answering(event, event.check_id, at_ms))]
        case JobFailed() | JobCancelled() if event.check_id is not None:
            return [order(event.check_id, not_answering(event, event.check_id, at_ms))]
        case ReplicaOrdered():
            return [SubmitReplica(order=event, now_ms=at_ms)]
        case VerdictReached():
            return after_verdict(event, at_ms)
        case KnownAnswerJudged():
            return [told(event.run, is_right=event.is_right, at_ms=at_ms)]
        case ResultContradicted():
            return [DoubtResult(job_id=job_id, now_ms=at_ms) for job_id in event.doubted]
        case _:
            return []


def opening(event: JobSubmitted, at_ms: int) -> OpenCheck:
    return OpenCheck(
        job_id=event.job_id,
        account_id=event.account_id,
        runs=event.redundancy,
        bid_micro=event.bid_micro // event.redundancy,
        now_ms=at_ms,
    )


def answering(event: JobSucceeded, check_id: JobId, at_ms: int) -> CheckResult | RecordAnswer:
    if event.check in DRAWN and event.check_id == event.job_id:
        assert event.check is not None
        return CheckResult(run=event, reason=event.check, now_ms=at_ms)
    return RecordAnswer(job_id=check_id, run=event, now_ms=at_ms)


def not_answering(event: JobFailed | JobCancelled, check_id: JobId, at_ms: int) -> RecordNoAnswer:
    """Whoever cancels the job itself wants none of the answers."""
    ends_check = isinstance(event, JobCancelled) and event.job_id == check_id
    return RecordNoAnswer(job_id=check_id, run_id=event.job_id, ends_check=ends_check, now_ms=at_ms)


def after_verdict(event: VerdictReached, at_ms: int) -> list[Reaction]:
    return [
        *(told(run, is_right=True, at_ms=at_ms) for run in event.agreeing),
        *(told(run, is_right=False, at_ms=at_ms) for run in event.contradicted),
        *(WithdrawReplica(replica_id=run_id, now_ms=at_ms) for run_id in event.unanswered),
    ]


def told(run: JobSucceeded, *, is_right: bool, at_ms: int) -> Order:
    """An island learns what its result was worth."""
    kind = ConfirmResult if is_right else ContradictResult
    command = kind(
        island_id=run.island_id,
        runtime=run.runtime or "",
        job_id=run.job_id,
        attempt=run.attempt,
        now_ms=at_ms,
    )
    return Order(decider=ISLAND, aggregate_id=run.island_id, command=command)


def order(check_id: JobId, command: CheckCommand) -> Order:
    return Order(decider=CHECK, aggregate_id=check_id, command=command)


CHECKING: Final = Process(name="checking", react=react)
