"""Renewing: an attempt on an island with a password keeps its lease by any sign of life.

Such a daemon renews leases for some runtimes only, and not while it loads. So what it prints counts, and a heartbeat
that names at least as many active jobs as were started there. A planner over events (who has a password, what runs
there) and over what was heard, told by `heard_heartbeat` and `heard_output` with the time of receipt. An island that
signs renews its leases itself: there only its own word counts.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from commands.event_log import Commit
from commands.process import Order
from domain.ids import IslandId, JobId
from domain.island_events import IslandEnrolled
from domain.job import JOB, LEASE_MS, LEASE_STEP_MS
from domain.job_commands import RenewLease
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    AttemptStarted,
    JobCancelled,
    JobFailed,
    JobSucceeded,
    LeaseRenewed,
)

RENEWED_BEFORE_MS: Final = (
    LEASE_MS // 2
)  # What our own islands do: two facts a minute, however much is heard.


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A started attempt on an island with a password."""

    island_id: IslandId
    attempt: int
    ends_at_ms: int


@dataclass(slots=True)
class Picture:
    """Everything renewing knows, as plain data that can be saved. What was heard is not saved: it is heard again."""

    position: int = 0
    unsigned: set[IslandId] = field(default_factory=set)
    leases: dict[JobId, Lease] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Beat:
    active_jobs: int
    at_ms: int


class Renewing:
    name = "renewing"

    def __init__(self, picture: Picture | None = None) -> None:
        self.picture = picture or Picture()
        self._beats: dict[IslandId, _Beat] = {}
        self._printed_ms: dict[JobId, int] = {}

    def listens_to(self, island_id: IslandId) -> bool:
        """Whether what this island says can renew anything."""
        return island_id in self.picture.unsigned

    def heard_heartbeat(self, island_id: IslandId, active_jobs: int, at_ms: int) -> None:
        if self.listens_to(island_id):
            self._beats[island_id] = _Beat(active_jobs, at_ms)

    def heard_output(self, island_id: IslandId, job_id: JobId, attempt: int, at_ms: int) -> None:
        lease = self.picture.leases.get(job_id)
        if lease is not None and (lease.island_id, lease.attempt) == (island_id, attempt):
            self._printed_ms[job_id] = at_ms

    def take(self, commit: Commit) -> None:
        for event in commit.events:
            self._take(event)
        self.picture.position = commit.position

    def _take(self, event: Any) -> None:
        leases = self.picture.leases
        match event:
            case IslandEnrolled() if event.password_sha256 is not None:
                self.picture.unsigned.add(event.island_id)
            case AttemptStarted() if self.listens_to(event.island_id):
                leases[event.job_id] = Lease(
                    island_id=event.island_id, attempt=event.attempt, ends_at_ms=event.lease_ends_at_ms
                )
            case LeaseRenewed() if event.job_id in leases:
                leases[event.job_id] = replace(leases[event.job_id], ends_at_ms=event.lease_ends_at_ms)
            case (
                AttemptLost()
                | AttemptFailed()
                | AttemptReturned()
                | JobSucceeded()
                | JobFailed()
                | JobCancelled()
            ):
                leases.pop(event.job_id, None)
                self._printed_ms.pop(event.job_id, None)
            case _:
                pass

    def plan(self, now_ms: int) -> Sequence[Order]:
        return list(self._due(now_ms))

    def _due(self, now_ms: int) -> Iterator[Order]:
        started = Counter(lease.island_id for lease in self.picture.leases.values())
        for job_id, lease in self.picture.leases.items():
            heard_ms = max(
                self._printed_ms.get(job_id, 0), self._beat_ms(lease.island_id, started[lease.island_id])
            )
            is_due = lease.ends_at_ms - now_ms <= RENEWED_BEFORE_MS
            if is_due and heard_ms + LEASE_MS >= lease.ends_at_ms + LEASE_STEP_MS:
                yield order(job_id, lease, heard_ms)

    def _beat_ms(self, island_id: IslandId, started: int) -> int:
        """When it last said that it runs all of them; 0 where its last word was another."""
        beat = self._beats.get(island_id)
        return beat.at_ms if beat is not None and beat.active_jobs >= started else 0

    def failed(self, order: Order) -> None:
        """Nothing to undo: the next look asks again."""


def order(job_id: JobId, lease: Lease, heard_ms: int) -> Order:
    command = RenewLease(
        job_id=job_id,
        attempt=lease.attempt,
        island_id=lease.island_id,
        extend_ms=LEASE_MS,
        now_ms=heard_ms,
    )
    return Order(decider=JOB, aggregate_id=job_id, command=command)
