"""Compensating: watches what happens to each job and asks the treasury to make up for those that were lost or late.

A planner. Its picture is every job under way with the attempts at it that ended by no fault of its account, each by the
address of its event; what a job's end means is the rule in `domain.compensation`. A grant is asked for until it is
recorded or refused; a refused one is not asked for again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from commands.event_log import Commit
from commands.process import Order
from domain.compensation import Cause, compensation_micro, is_late
from domain.failure import Fault, JobEnd
from domain.ids import NETWORK_ACCOUNT, AccountId, JobId
from domain.job import LOAD_ALLOWANCE_MS
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    JobAssigned,
    JobCancelled,
    JobFailed,
    JobSubmitted,
    JobSucceeded,
)
from domain.treasury import TREASURY, TREASURY_ID, GrantCompensation
from domain.treasury_events import CompensationGranted

ASKED_AT_ONCE_MAX: Final = 100  # Grants asked for in one look; the others wait for the next one.


@dataclass(slots=True)
class Underway:
    """A job that has not ended. `is_own` while the island of the newest attempt belongs to the job's account."""

    account_id: AccountId
    bid_micro: int
    submitted_at_ms: int
    limit_ms: int
    is_own: bool = False
    evidence: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    account_id: AccountId
    cause: Cause
    amount_micro: int
    evidence: tuple[str, ...]


@dataclass(slots=True)
class Picture:
    """Everything compensating knows, as plain data that can be saved."""

    position: int = 0
    jobs: dict[JobId, Underway] = field(default_factory=dict)
    due: dict[JobId, Due] = field(default_factory=dict)


class Compensating:
    name = "compensating"

    def __init__(self, picture: Picture | None = None) -> None:
        self.picture = picture or Picture()

    def take(self, commit: Commit) -> None:
        for index, event in enumerate(commit.events):
            self._take(event, f"{commit.position}.{index}")
        self.picture.position = commit.position

    def _take(self, event: Any, address: str) -> None:
        jobs = self.picture.jobs
        match event:
            case JobSubmitted():
                self._submitted(event)
            case JobAssigned() if event.job_id in jobs:
                jobs[event.job_id].is_own = event.owner_id == event.account_id
            case AttemptLost() | AttemptFailed():
                self._attempt_ended(event, address)
            case JobFailed() | JobSucceeded() | JobCancelled():
                job = jobs.pop(event.job_id, None)
                if job is not None:
                    self._ended(job, event)
            case CompensationGranted():
                self.picture.due.pop(event.job_id, None)
            case _:
                pass

    def _submitted(self, event: JobSubmitted) -> None:
        """A second opinion is no job of somebody's, and the network owes itself nothing."""
        if event.check_id is None and event.account_id != NETWORK_ACCOUNT:
            self.picture.jobs[event.job_id] = Underway(
                account_id=event.account_id,
                bid_micro=event.bid_micro,
                submitted_at_ms=event.submitted_at_ms,
                limit_ms=event.cargo.limits.wall_s * 1000 + LOAD_ALLOWANCE_MS,
            )

    def _attempt_ended(self, event: AttemptLost | AttemptFailed, address: str) -> None:
        job = self.picture.jobs.get(event.job_id)
        is_cargo_s = isinstance(event, AttemptFailed) and event.fault is Fault.CARGO
        # Who runs a job on an island of their own and lets it fail there would be paid for it.
        if job is not None and not job.is_own and not is_cargo_s:
            job.evidence.append(address)

    def _ended(self, job: Underway, event: JobFailed | JobSucceeded | JobCancelled) -> None:
        cause = cause_of(job, event)
        amount_micro = compensation_micro(job.bid_micro)
        if cause is not None and amount_micro:
            self.picture.due[event.job_id] = Due(
                account_id=job.account_id,
                cause=cause,
                amount_micro=amount_micro,
                evidence=tuple(job.evidence),
            )

    def plan(self, now_ms: int) -> Sequence[Order]:
        return [
            grant(job_id, due, now_ms) for job_id, due in list(self.picture.due.items())[:ASKED_AT_ONCE_MAX]
        ]

    def failed(self, order: Order) -> None:
        """The treasury is short or the account has had enough: that is the answer."""
        self.picture.due.pop(order.command.job_id, None)


def cause_of(job: Underway, event: JobFailed | JobSucceeded | JobCancelled) -> Cause | None:
    """Why this end is compensated, or None."""
    if not job.evidence:
        return None
    match event:
        case JobFailed() if event.code == JobEnd.ATTEMPTS_EXHAUSTED:
            return Cause.LOST
        case JobSucceeded() if is_late(event.succeeded_at_ms - job.submitted_at_ms, job.limit_ms):
            return Cause.LATE
        case _:
            return None


def grant(job_id: JobId, due: Due, now_ms: int) -> Order:
    command = GrantCompensation(
        job_id=job_id,
        account_id=due.account_id,
        cause=due.cause,
        amount_micro=due.amount_micro,
        evidence=due.evidence,
        now_ms=now_ms,
    )
    return Order(decider=TREASURY, aggregate_id=TREASURY_ID, command=command)
