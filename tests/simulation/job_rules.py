"""What must be true of every job, checked at every commit: attempts, holders, leases, outputs, ends.

Written from the rules, not from the decider: it keeps its own small state, so a mistake there is not repeated here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from commands.event_log import Commit
from commands.intake import Collected
from domain.failure import Fault
from domain.ids import AccountId, IslandId, JobId
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
    PlacementDeferred,
)
from tests.simulation.outputs import Attempt, OutputServer
from tests.simulation.rule import require

ATTEMPTS_MAX: Final = 10
COUNTED_ATTEMPTS_MAX: Final = 3
LEASE_MS: Final = 60_000
GRACE_MS: Final = 5_000
CLOCKS_APART_MS: Final = 400

OfHolder = AttemptStarted | LeaseRenewed | AttemptFailed | AttemptReturned | AttemptLost | JobSucceeded


@dataclass(slots=True)
class Live:
    """The attempt under way."""

    assigned: JobAssigned
    lease_ends_at_ms: int
    is_started: bool = False


@dataclass(slots=True)
class JobFacts:
    submitted: JobSubmitted
    attempt: int = 0
    counted: int = 0
    live: Live | None = None
    last: JobAssigned | None = None
    ended: JobSucceeded | JobFailed | JobCancelled | None = None


@dataclass(slots=True)
class JobRules:
    """`told_digest` is what the claim behind a command said its output was."""

    outputs: OutputServer
    told_digest: Callable[[str], str | None]
    jobs: dict[JobId, JobFacts] = field(default_factory=dict)
    abandoned: dict[JobId, AccountId] = field(default_factory=dict)

    def holder(self, job_id: JobId) -> tuple[IslandId, int] | None:
        """Island and attempt that may speak for the job now."""
        job = self.jobs.get(job_id)
        return (job.live.assigned.island_id, job.attempt) if job and job.live else None

    def see(self, event: Any, commit: Commit) -> None:
        if isinstance(event, JobSubmitted):
            job_id = event.job_id
            require(job_id not in self.jobs, "J1", job_id, "a job was submitted twice")
            require(job_id not in self.abandoned, "J1", job_id, "a job arrived that was given up")
            self.jobs[job_id] = JobFacts(submitted=event)
            return
        if isinstance(event, JobAbandoned):
            require(event.job_id not in self.jobs, "J1", event.job_id, "a job was given up that had arrived")
            self.abandoned[event.job_id] = event.account_id
            return
        job = self.jobs.get(event.job_id)
        require(job, "J4", event.job_id, f"{type(event).__name__} of a job that nobody submitted")
        assert job is not None
        require(job.ended is None, "J1", event.job_id, f"{type(event).__name__} behind the job's end")
        self._see_of_job(job, event, commit)

    def _see_of_job(self, job: JobFacts, event: Any, commit: Commit) -> None:
        match event:
            case JobAssigned():
                self._assigned(job, event, commit)
            case AttemptStarted() | LeaseRenewed():
                self._lease(self._held(job, event), event, commit)
            case AttemptFailed() | AttemptReturned():
                self._held(job, event)
                job.counted += isinstance(event, AttemptFailed)
                job.live = None
            case AttemptLost():
                self._lost(job, self._held(job, event), event, commit)
            case JobSucceeded():
                self._succeeded(job, self._held(job, event), event, commit)
            case JobFailed():
                require(job.live is None, "J1", event.job_id, "a job failed while an attempt was live")
                job.ended = event
            case JobCancelled():
                self._cancelled(job, event)
            case PlacementDeferred():
                require(job.live is None, "J1", event.job_id, "a placed job was deferred")
            case _:
                raise AssertionError(event)

    def _assigned(self, job: JobFacts, event: JobAssigned, commit: Commit) -> None:
        about = event.job_id
        require(job.live is None, "J1", about, "a job got a second holder")
        require(event.attempt == job.attempt + 1, "J1", about, f"attempt {event.attempt} after {job.attempt}")
        require(event.attempt <= ATTEMPTS_MAX, "J3", about, f"attempt {event.attempt}")
        require(job.counted < COUNTED_ATTEMPTS_MAX, "J3", about, f"placed after {job.counted} faults")
        bid = job.submitted.bid_micro
        require(0 < event.price_micro <= bid, "L8", about, f"price {event.price_micro} of {bid}")
        job.attempt = event.attempt
        job.last = event
        job.live = Live(event, event.lease_ends_at_ms)
        self._lease_is_short(event, commit)

    def _held(self, job: JobFacts, event: OfHolder) -> Live:
        holder = self.holder(event.job_id)
        said = (event.island_id, event.attempt)
        require(holder == said, "J2", event.job_id, f"{type(event).__name__} of {said}, held by {holder}")
        assert job.live is not None
        return job.live

    def _lease(self, live: Live, event: AttemptStarted | LeaseRenewed, commit: Commit) -> None:
        self._lease_is_short(event, commit)
        require(
            event.lease_ends_at_ms >= live.lease_ends_at_ms, "J1", event.job_id, "a lease was made shorter"
        )
        live.lease_ends_at_ms = event.lease_ends_at_ms
        live.is_started |= isinstance(event, AttemptStarted)

    def _lease_is_short(self, event: JobAssigned | AttemptStarted | LeaseRenewed, commit: Commit) -> None:
        longest = commit.recorded_at_ms + LEASE_MS + CLOCKS_APART_MS
        ends = event.lease_ends_at_ms
        require(ends <= longest, "J1", event.job_id, f"a lease that ends {ends - longest} ms too late")

    def _lost(self, job: JobFacts, live: Live, event: AttemptLost, commit: Commit) -> None:
        if event.loss.is_counted:
            due = live.lease_ends_at_ms + GRACE_MS
            early = due - CLOCKS_APART_MS - commit.recorded_at_ms
            require(early <= 0, "J1", event.job_id, f"a lease was ended {early} ms too early")
        job.counted += event.loss.is_counted
        job.live = None

    def _succeeded(self, job: JobFacts, live: Live, event: JobSucceeded, commit: Commit) -> None:
        about, assigned = event.job_id, live.assigned
        named = (event.price_micro, event.owner_id, event.publisher_id)
        due = (assigned.price_micro, assigned.owner_id, job.submitted.cargo.publisher_id)
        require(named == due, "L8", about, f"succeeded for {named}, placed for {due}")
        collected = self._printed((event.island_id, event.job_id, event.attempt), assigned.output_after)
        require(event.output == collected.output, "J2", about, "a result that the island did not print")
        told = self.told_digest(commit.origin.command_id)
        has_all = collected.is_complete if told is not None else not collected.has_gap
        require(has_all, "J2", about, "a result that is not complete")
        require(told in (None, event.output.digest), "J2", about, "a result that its claim contradicts")
        require(event.output.output_bytes, "J2", about, "an empty result")
        wall_ms = job.submitted.cargo.limits.wall_s * 1000
        longest = min(wall_ms, commit.recorded_at_ms - assigned.assigned_at_ms + CLOCKS_APART_MS)
        require(event.worked_ms <= longest, "L8", about, f"{event.worked_ms} ms of work in {longest} ms")
        job.live, job.ended = None, event

    def _printed(self, of: Attempt, after: int) -> Collected:
        return self.outputs.collected(of, after=after)

    def _cancelled(self, job: JobFacts, event: JobCancelled) -> None:
        if event.charge_micro:
            about, live = event.job_id, job.live
            require(live and live.is_started, "L8", about, "charged for an attempt that had not begun")
            assert live is not None
            of = (live.assigned.island_id, event.job_id, job.attempt)
            require(self.outputs.has_text(of), "L8", about, "charged before any output")
            require(event.charge_micro == live.assigned.price_micro, "L8", about, "charged another price")
            require(event.owner_id == live.assigned.owner_id, "L8", about, "charged for another owner")
        job.live, job.ended = None, event

    def karma_due(self, event: Any) -> bool:
        """Whether the end of this attempt costs the island karma."""
        match event:
            case AttemptLost():
                return event.loss.is_counted
            case AttemptFailed():
                return event.fault is Fault.ISLAND
            case _:
                return False
