"""Expiring: whatever has waited too long. Leases, deadlines, credits held for no job, checks without an answer.

A planner. It only asks; the job decides by its own state whether a deadline has really passed, so an old picture does
no harm. A hold whose job never arrived is closed by giving the job up first: after that it never can arrive.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from commands.event_log import Commit
from commands.process import Order
from domain.account_events import CreditsHeld, HoldSplit
from domain.batch import BATCH
from domain.batch_commands import AbandonBatch
from domain.batch_events import BatchAbandoned, BatchSubmitted
from domain.check import CHECK
from domain.check_commands import CloseCheck
from domain.check_events import AnswerRecorded, ReplicaOrdered, VerdictReached
from domain.ids import AccountId, JobId
from domain.job import ABANDON_AFTER_MS, JOB, LEASE_GRACE_MS
from domain.job_commands import AbandonJob, ExpireLease, TimeOutJob
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    AttemptStarted,
    JobAbandoned,
    JobAssigned,
    JobCancelled,
    JobFailed,
    JobSubmitted,
    JobSucceeded,
    LeaseRenewed,
    ended_at_ms,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """What may end a job by time. 0 means that it does not apply now."""

    queue_limit_ms: int
    queue_ms: int
    attempt: int = 0
    lease_ms: int = 0
    execution_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    account_id: AccountId
    at_ms: int
    is_batch: bool = False


@dataclass(slots=True)
class Picture:
    """Everything expiring knows, as plain data that can be saved."""

    position: int = 0
    jobs: dict[JobId, Deadlines] = field(default_factory=dict)
    held: dict[JobId, Held] = field(default_factory=dict)
    checks_due_ms: dict[JobId, int] = field(default_factory=dict)


class Expiring:
    name = "expiring"

    def __init__(self, picture: Picture | None = None) -> None:
        self.picture = picture or Picture()

    def take(self, commit: Commit) -> None:
        for event in commit.events:
            self._take(event)
        self.picture.position = commit.position

    def _take(self, event: Any) -> None:
        jobs = self.picture.jobs
        match event:
            case CreditsHeld():
                self.picture.held[event.job_id] = Held(
                    account_id=event.account_id, at_ms=event.held_at_ms, is_batch=event.is_batch
                )
            case BatchSubmitted() | BatchAbandoned():
                self.picture.held.pop(event.batch_id, None)
            case HoldSplit():
                part = Held(account_id=event.account_id, at_ms=event.split_at_ms)
                self.picture.held[event.into_job_id] = part
            case JobSubmitted():
                self.picture.held.pop(event.job_id, None)
                limit_ms = event.queue_limit_ms
                jobs[event.job_id] = Deadlines(
                    queue_limit_ms=limit_ms, queue_ms=event.submitted_at_ms + limit_ms
                )
            case JobAbandoned():
                self.picture.held.pop(event.job_id, None)
            case JobAssigned() | AttemptStarted() | LeaseRenewed():
                self._take_lease(event)
            case AttemptLost() | AttemptFailed() | AttemptReturned() if event.job_id in jobs:
                limit_ms = jobs[event.job_id].queue_limit_ms
                jobs[event.job_id] = Deadlines(
                    queue_limit_ms=limit_ms, queue_ms=ended_at_ms(event) + limit_ms
                )
            case JobSucceeded() | JobFailed() | JobCancelled():
                jobs.pop(event.job_id, None)
            case AnswerRecorded() | ReplicaOrdered() if event.due_at_ms:
                self.picture.checks_due_ms[event.job_id] = event.due_at_ms
            case VerdictReached():
                self.picture.checks_due_ms.pop(event.job_id, None)
            case _:
                pass

    def _take_lease(self, event: JobAssigned | AttemptStarted | LeaseRenewed) -> None:
        known = self.picture.jobs.get(event.job_id)
        if known is None:
            return
        execution_ms = event.deadline_ms if isinstance(event, AttemptStarted) else known.execution_ms
        self.picture.jobs[event.job_id] = Deadlines(
            queue_limit_ms=known.queue_limit_ms,
            queue_ms=known.queue_ms,
            attempt=event.attempt,
            lease_ms=event.lease_ends_at_ms,
            execution_ms=execution_ms,
        )

    def plan(self, now_ms: int) -> Sequence[Order]:
        return list(self._overdue(now_ms))

    def _overdue(self, now_ms: int) -> Iterator[Order]:
        for job_id, due in self.picture.jobs.items():
            if due.execution_ms and now_ms >= due.execution_ms:
                yield order(TimeOutJob(job_id=job_id, now_ms=now_ms))
            elif due.lease_ms and now_ms >= due.lease_ms + LEASE_GRACE_MS:
                yield order(ExpireLease(job_id=job_id, attempt=due.attempt, now_ms=now_ms))
            elif not due.lease_ms and now_ms >= due.queue_ms:
                yield order(TimeOutJob(job_id=job_id, now_ms=now_ms))
        for job_id, held in self.picture.held.items():
            if now_ms >= held.at_ms + ABANDON_AFTER_MS:
                yield give_up(job_id, held, now_ms)
        for job_id, due_ms in self.picture.checks_due_ms.items():
            if now_ms >= due_ms:
                close = CloseCheck(job_id=job_id, now_ms=now_ms)
                yield Order(decider=CHECK, aggregate_id=job_id, command=close)

    def failed(self, order: Order) -> None:
        """Nothing to undo: the next look asks again."""


def give_up(job_id: JobId, held: Held, now_ms: int) -> Order:
    if not held.is_batch:
        return order(AbandonJob(job_id=job_id, account_id=held.account_id, now_ms=now_ms))
    command = AbandonBatch(batch_id=job_id, account_id=held.account_id, now_ms=now_ms)
    return Order(decider=BATCH, aggregate_id=job_id, command=command)


def order(command: TimeOutJob | ExpireLease | AbandonJob) -> Order:
    return Order(decider=JOB, aggregate_id=command.job_id, command=command)
