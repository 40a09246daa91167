"""Barring: an island that was suspended, revoked or removed runs nothing any more; its jobs go on elsewhere at once.

A planner. Its picture is who is barred and which attempt is where, so it also finds the attempt that was placed in the
same moment. The job itself decides whether that attempt is still the one it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from commands.event_log import Commit
from commands.process import Order
from domain.ids import IslandId, JobId
from domain.island_events import (
    IslandEnrolled,
    IslandPaired,
    IslandReinstated,
    IslandRemoved,
    IslandRevoked,
    IslandSuspended,
)
from domain.job import JOB
from domain.job_commands import AbandonAttempt
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    JobAssigned,
    JobCancelled,
    JobFailed,
    JobSucceeded,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A live attempt and the island it was given to."""

    island_id: IslandId
    attempt: int


@dataclass(slots=True)
class Picture:
    """Everything barring knows, as plain data that can be saved. An island may be both suspended and expelled."""

    position: int = 0
    live: dict[JobId, Placed] = field(default_factory=dict)
    suspended: set[IslandId] = field(default_factory=set)
    expelled: set[IslandId] = field(default_factory=set)


class Barring:
    name = "barring"

    def __init__(self, picture: Picture | None = None) -> None:
        self.picture = picture or Picture()

    def take(self, commit: Commit) -> None:
        for event in commit.events:
            self._take_island(event)
            self._take_job(event)
        self.picture.position = commit.position

    def _take_island(self, event: Any) -> None:
        match event:
            case IslandSuspended():
                self.picture.suspended.add(event.island_id)
            case IslandReinstated():
                self.picture.suspended.discard(event.island_id)
            case IslandRemoved() | IslandRevoked():
                self.picture.expelled.add(event.island_id)
            case IslandEnrolled() | IslandPaired() if event.owner_id is not None:
                self.picture.expelled.discard(event.island_id)
            case _:
                pass

    def _take_job(self, event: Any) -> None:
        match event:
            case JobAssigned():
                placed = Placed(island_id=event.island_id, attempt=event.attempt)
                self.picture.live[event.job_id] = placed
            case (
                AttemptLost()
                | AttemptFailed()
                | AttemptReturned()
                | JobSucceeded()
                | JobFailed()
                | JobCancelled()
            ):
                self.picture.live.pop(event.job_id, None)
            case _:
                pass

    def plan(self, now_ms: int) -> Sequence[Order]:
        barred = self.picture.suspended | self.picture.expelled
        return [
            abandon(job_id, placed, now_ms)
            for job_id, placed in self.picture.live.items()
            if placed.island_id in barred
        ]

    def failed(self, order: Order) -> None:
        """Nothing to undo: the next look asks again."""


def abandon(job_id: JobId, placed: Placed, now_ms: int) -> Order:
    command = AbandonAttempt(job_id=job_id, attempt=placed.attempt, island_id=placed.island_id, now_ms=now_ms)
    return Order(decider=JOB, aggregate_id=job_id, command=command)
