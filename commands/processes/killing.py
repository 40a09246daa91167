"""Killing: a cargo that was switched off for everybody runs nowhere any more, not even where it waits or runs already.

A planner. Its picture is which cargos are killed and which open job runs which cargo, so it also finds the job that was
submitted in the same moment. The job itself decides whether there is anything left to stop; its hold is released as
after any failure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from commands.event_log import Commit
from commands.process import Order
from domain.cargo_events import CargoDisabled, CargoEnabled
from domain.ids import CargoSlug, JobId
from domain.job import JOB
from domain.job_commands import StopJob
from domain.job_events import JobCancelled, JobFailed, JobSubmitted, JobSucceeded


@dataclass(slots=True)
class Picture:
    """Everything killing knows, as plain data that can be saved. `killed` are the reasons by cargo."""

    position: int = 0
    open: dict[JobId, CargoSlug] = field(default_factory=dict)
    killed: dict[CargoSlug, str] = field(default_factory=dict)


class Killing:
    name = "killing"

    def __init__(self, picture: Picture | None = None) -> None:
        self.picture = picture or Picture()

    def take(self, commit: Commit) -> None:
        for event in commit.events:
            self._take(event)
        self.picture.position = commit.position

    def _take(self, event: Any) -> None:
        picture = self.picture
        match event:
            case JobSubmitted():
                picture.open[event.job_id] = event.cargo.slug
            case JobSucceeded() | JobFailed() | JobCancelled():
                picture.open.pop(event.job_id, None)
            case CargoDisabled() if event.is_killed:
                picture.killed[event.slug] = event.reason
            case CargoEnabled():
                picture.killed.pop(event.slug, None)
            case _:
                pass

    def plan(self, now_ms: int) -> Sequence[Order]:
        if not self.picture.killed:
            return []
        return [
            stop(job_id, self.picture.killed[slug], now_ms)
            for job_id, slug in self.picture.open.items()
            if slug in self.picture.killed
        ]

    def failed(self, order: Order) -> None:
        """Nothing to undo: the next look asks again."""


def stop(job_id: JobId, reason: str, now_ms: int) -> Order:
    command = StopJob(job_id=job_id, reason=reason, now_ms=now_ms)
    return Order(decider=JOB, aggregate_id=job_id, command=command)
