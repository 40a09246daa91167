"""Batching: the parts of a batch become jobs, and their ends are told to the batch, until nothing is left of it.

What starts and what stops is the batch's own decision. Here its facts are carried out, in their order: a part is
submitted before it can be cancelled, and the rest of the hold is released when every part has ended.
"""

from collections.abc import Sequence
from typing import Any

from commands.process import CancelPart, Order, Process, Reaction, SubmitPart
from domain.account import ACCOUNT
from domain.account_commands import ReleaseHold
from domain.batch import BATCH
from domain.batch_commands import EndPart
from domain.batch_events import BatchAbandoned, BatchEnded, BatchStopped, Outcome, PartStarted
from domain.ids import AccountId, JobId
from domain.job_events import JobCancelled, JobFailed, JobSucceeded


def react(event: Any, at_ms: int) -> Sequence[Reaction]:
    match event:
        case PartStarted():
            return [SubmitPart(batch_id=event.batch_id, job_id=event.job_id, now_ms=at_ms)]
        case BatchStopped():
            return [
                CancelPart(job_id=job_id, account_id=event.account_id, now_ms=at_ms)
                for job_id in event.running
            ]
        case JobSucceeded() if event.batch_id:
            return [part_ended(event.batch_id, event.job_id, Outcome.SUCCEEDED, at_ms)]
        case JobFailed() if event.batch_id:
            return [part_ended(event.batch_id, event.job_id, Outcome.FAILED, at_ms, event.code)]
        case JobCancelled() if event.batch_id:
            return [part_ended(event.batch_id, event.job_id, Outcome.CANCELLED, at_ms)]
        case BatchEnded() | BatchAbandoned():
            return [release(event.account_id, event.batch_id, at_ms)]
        case _:
            return []


def part_ended(
    batch_id: JobId, job_id: JobId, outcome: Outcome, at_ms: int, code: str | None = None
) -> Order:
    command = EndPart(batch_id=batch_id, job_id=job_id, outcome=outcome, code=code, now_ms=at_ms)
    return Order(decider=BATCH, aggregate_id=batch_id, command=command)


def release(account_id: AccountId, batch_id: JobId, at_ms: int) -> Order:
    """What no part has taken. Where every part took its share the hold is closed already."""
    command = ReleaseHold(account_id=account_id, job_id=batch_id, now_ms=at_ms)
    return Order(decider=ACCOUNT, aggregate_id=account_id, command=command)


BATCHING = Process(name="batching", react=react)
