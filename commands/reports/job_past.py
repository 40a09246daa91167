"""What reports need to know of jobs: which cargo ran, at what price, what it used and how it ended."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from commands.event_log import Commit
from domain.ids import CargoSlug, JobId
from domain.job_events import (
    AttemptStarted,
    JobAbandoned,
    JobAssigned,
    JobCancelled,
    JobFailed,
    JobSubmitted,
    JobSucceeded,
)
from domain.pricing import PriceUnit


class Ending(StrEnum):
    """How a job ended, as far as the log says."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(slots=True, kw_only=True)
class JobPast:
    """`prices_micro` is the price of a unit by attempt; `end` what ended the job, None where nothing has.

    `working_since_ms` is when the newest attempt started, or was assigned where it did not say that it started.
    """

    slug: CargoSlug | None = None
    version: str = ""
    price_unit: PriceUnit = PriceUnit.JOB
    run_bid_micro: int = 0
    fuel_max: int = 0
    wall_ms: int = 0
    working_since_ms: int = 0
    prices_micro: dict[int, int] = field(default_factory=dict)
    end: JobSucceeded | JobCancelled | JobFailed | JobAbandoned | None = None

    @property
    def ending(self) -> Ending | None:
        match self.end:
            case JobSucceeded():
                return Ending.SUCCEEDED
            case JobFailed():
                return Ending.FAILED
            case JobCancelled():
                return Ending.CANCELLED
            case JobAbandoned() | None:
                return None


class JobPasts:
    """Grows commit by commit and keeps the jobs that are wanted."""

    def __init__(self, is_wanted: Callable[[JobId], bool]) -> None:
        self._is_wanted = is_wanted
        self._jobs: dict[JobId, JobPast] = {}

    def of(self, job_id: JobId) -> JobPast:
        """Empty for what is no job, such as the rest of a batch's hold."""
        return self._jobs.get(job_id) or JobPast()

    def take(self, commit: Commit) -> None:
        category, _, job_id = commit.stream.partition(".")
        if category != "job" or not self._is_wanted(JobId(job_id)):
            return
        job = self._jobs.setdefault(JobId(job_id), JobPast())
        for event in commit.events:
            match event:
                case JobSubmitted():
                    job.slug, job.version = event.cargo.slug, event.cargo.version
                    job.price_unit = event.cargo.price_unit
                    job.run_bid_micro = event.bid_micro // event.redundancy
                    job.fuel_max = event.cargo.limits.fuel
                    job.wall_ms = event.cargo.limits.wall_s * 1000
                case JobAssigned():
                    job.prices_micro[event.attempt] = event.price_micro
                    job.working_since_ms = event.assigned_at_ms
                case AttemptStarted():
                    job.working_since_ms = event.started_at_ms
                case JobSucceeded() | JobCancelled() | JobFailed() | JobAbandoned():
                    job.end = event
                case _:
                    pass
