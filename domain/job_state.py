"""What a job remembers of its own past: only what a decision needs. `evolve` has no rules and cannot fail."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, assert_never

from domain.cargo_spec import CargoSpec
from domain.check_draw import CheckReason
from domain.failure import Failure
from domain.ids import AccountId, IslandId, JobId
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    AttemptStarted,
    JobAbandoned,
    JobAssigned,
    JobCancelled,
    JobEvent,
    JobFailed,
    JobSubmitted,
    JobSucceeded,
    LeaseRenewed,
    PlacementDeferred,
)
from domain.metering import ask_limit_micro
from domain.placement import RefusalCount


class Phase(StrEnum):
    UNSUBMITTED = "unsubmitted"
    SUBMITTED = "submitted"
    ASSIGNED = "assigned"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"


ENDED: Final = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.ABANDONED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`cargo`, `account_id` are set once submitted; `island_id`, `owner_id` while an attempt is live.

    `redundancy` is how many runs share the bid. `check` says why the result of the present attempt is compared with
    another's, `check_id` which job's result this one is a second opinion on.
    `working_since_ms` is when the live attempt was assigned, and from its start on when it started.
    """

    phase: Phase = Phase.UNSUBMITTED
    account_id: AccountId | None = None
    cargo: CargoSpec | None = None
    request_sha256: str = ""
    bid_micro: int = 0
    redundancy: int = 1
    unit_bid_micro: int = 0
    check: CheckReason | None = None
    check_id: JobId | None = None
    batch_id: JobId | None = None
    queue_limit_ms: int = 0
    queue_deadline_ms: int = 0
    attempt: int = 0
    failed_attempts: int = 0
    island_id: IslandId | None = None
    owner_id: AccountId | None = None
    price_micro: int = 0
    output_after: int = 0
    lease_ends_at_ms: int = 0
    working_since_ms: int = 0
    deadline_ms: int = 0
    refusals: tuple[RefusalCount, ...] = ()
    deferred_at_ms: int = 0
    blamed: Mapping[Failure, IslandId] = field(default_factory=dict)

    @property
    def run_bid_micro(self) -> int:
        """What this run may cost at most. Several runs of one job share its bid."""
        return self.bid_micro // self.redundancy

    @property
    def ask_limit_micro(self) -> int:
        """The highest ask this run may be placed at: for a unit where the cargo is metered, else for the whole run."""
        assert self.cargo is not None
        return ask_limit_micro(
            self.cargo.price_unit, run_bid_micro=self.run_bid_micro, unit_bid_micro=self.unit_bid_micro
        )

    @property
    def is_live(self) -> bool:
        return self.phase in (Phase.ASSIGNED, Phase.RUNNING)

    def has_succeeded(self, attempt: int, island_id: IslandId) -> bool:
        """Whether it was this attempt, on this island, that ended the job well."""
        return self.phase is Phase.SUCCEEDED and (self.attempt, self.island_id) == (attempt, island_id)


def evolve(job: Job, event: JobEvent) -> Job:
    match event:
        case JobSubmitted():
            return submitted_job(event)
        case JobAssigned():
            return replace(
                job,
                phase=Phase.ASSIGNED,
                attempt=event.attempt,
                island_id=event.island_id,
                owner_id=event.owner_id,
                price_micro=event.price_micro,
                check=event.check,
                output_after=event.output_after,
                lease_ends_at_ms=event.lease_ends_at_ms,
                working_since_ms=event.assigned_at_ms,
                refusals=(),
            )
        case PlacementDeferred():
            return replace(job, refusals=event.refusals, deferred_at_ms=event.deferred_at_ms)
        case AttemptStarted():
            return replace(
                job,
                phase=Phase.RUNNING,
                working_since_ms=event.started_at_ms,
                deadline_ms=event.deadline_ms,
                lease_ends_at_ms=event.lease_ends_at_ms,
            )
        case LeaseRenewed():
            return replace(job, lease_ends_at_ms=event.lease_ends_at_ms)
        case AttemptReturned():
            return waiting_again(job, event.returned_at_ms)
        case AttemptLost():
            failed = job.failed_attempts + event.loss.is_counted
            return replace(waiting_again(job, event.lost_at_ms), failed_attempts=failed)
        case AttemptFailed():
            blamed = {event.code: event.island_id, **job.blamed}
            waiting = waiting_again(job, event.failed_at_ms)
            return replace(waiting, failed_attempts=job.failed_attempts + 1, blamed=blamed)
        case JobSucceeded():
            return replace(job, phase=Phase.SUCCEEDED)
        case JobFailed():
            return replace(job, phase=Phase.FAILED)
        case JobCancelled():
            return replace(job, phase=Phase.CANCELLED)
        case JobAbandoned():
            return replace(job, phase=Phase.ABANDONED, account_id=event.account_id)
        case _:
            assert_never(event)


def submitted_job(event: JobSubmitted) -> Job:
    return Job(
        phase=Phase.SUBMITTED,
        account_id=event.account_id,
        cargo=event.cargo,
        request_sha256=event.request_sha256,
        bid_micro=event.bid_micro,
        redundancy=event.redundancy,
        unit_bid_micro=event.unit_bid_micro,
        check_id=event.check_id,
        batch_id=event.batch_id,
        queue_limit_ms=event.queue_limit_ms,
        queue_deadline_ms=event.submitted_at_ms + event.queue_limit_ms,
    )


def waiting_again(job: Job, since_ms: int) -> Job:
    """Back in the queue after an attempt, for as long as at first."""
    return replace(
        job,
        phase=Phase.SUBMITTED,
        island_id=None,
        owner_id=None,
        queue_deadline_ms=since_ms + job.queue_limit_ms,
    )
