"""Karma follows attempts: work earns it, lost leases and the island's own failures cost it.

A return that protects the device costs nothing; refusing what was accepted before does. An attempt that a barred
island had to give up costs it nothing more: the bar is the penalty. A result that is compared with another's earns
nothing before there is a verdict, and where it proves wrong it costs more than a day's work.
"""

from collections.abc import Sequence
from typing import Any, Final

from commands.process import Order, Process
from domain.check_events import KnownAnswerJudged, LateAnswerTaken, VerdictReached
from domain.failure import Fault, ReturnReason
from domain.ids import IslandId
from domain.island import ISLAND
from domain.island_commands import CreditWork, PenalizeKarma
from domain.job_events import AttemptFailed, AttemptLost, AttemptReturned, JobSucceeded
from domain.karma import Penalty

REFUSALS: Final = frozenset(
    {ReturnReason.POLICY, ReturnReason.CAPACITY, ReturnReason.VERIFICATION, ReturnReason.RUNTIME}
)


def react(event: Any, at_ms: int) -> Sequence[Order]:
    match event:
        case JobSucceeded() if event.check_id is None:
            return [credit(event, at_ms)]
        case VerdictReached():
            return [
                *(credit(run, at_ms) for run in (*event.agreeing, *event.undecided)),
                *(penalize(run, Penalty.QUORUM_CONTRADICTED, at_ms) for run in event.contradicted),
            ]
        case LateAnswerTaken():
            return [credit(event.run, at_ms)]
        case KnownAnswerJudged() if event.is_right:
            return [credit(event.run, at_ms)]
        case KnownAnswerJudged():
            return [penalize(event.run, Penalty.KNOWN_ANSWER_FAILED, at_ms)]
        case AttemptLost() if event.loss.is_counted:
            return [penalize(event, Penalty.LEASE_LOST, at_ms)]
        case AttemptFailed() if event.fault is Fault.ISLAND:
            return [penalize(event, Penalty.ATTEMPT_FAILED, at_ms)]
        case AttemptReturned() if event.was_started and event.reason in REFUSALS:
            return [penalize(event, Penalty.REFUSED_AFTER_ACCEPTING, at_ms)]
        case _:
            return []


def credit(event: JobSucceeded, at_ms: int) -> Order:
    command = CreditWork(
        island_id=event.island_id,
        job_id=event.job_id,
        attempt=event.attempt,
        worked_ms=event.worked_ms,
        now_ms=at_ms,
        unchecked=event.runtime if event.is_exact and event.check_id is None else None,
    )
    return order(event.island_id, command)


def penalize(
    event: AttemptLost | AttemptFailed | AttemptReturned | JobSucceeded, penalty: Penalty, at_ms: int
) -> Order:
    command = PenalizeKarma(
        island_id=event.island_id, job_id=event.job_id, attempt=event.attempt, penalty=penalty, now_ms=at_ms
    )
    return order(event.island_id, command)


def order(island_id: IslandId, command: CreditWork | PenalizeKarma) -> Order:
    return Order(decider=ISLAND, aggregate_id=island_id, command=command)


KARMA = Process(name="karma", react=react)
