"""What must be true of every cargo at every commit: each end counts once, and what was killed runs no more.

Written from the rules, not from the decider. A killed cargo is given some seconds in a calm world; before, the leader
that should stop its jobs may be away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from commands.event_log import Commit
from domain.cargo_events import CargoDisabled, CargoEnabled, ReputationChanged
from domain.ids import CargoSlug, JobId
from domain.job_events import JobAssigned, JobCancelled, JobFailed, JobSubmitted, JobSucceeded
from domain.reputation import ReputationCause
from tests.examples import T0_MS
from tests.simulation.rule import require
from tests.simulation.scenario import CHAOS_S

STOPPED_WITHIN_MS: Final = 15_000
CALM_FROM_MS: Final = T0_MS + int(CHAOS_S * 1000)


@dataclass(slots=True)
class CargoRules:
    """`counted` are the addresses of all ends that a reputation rests on."""

    counted: set[str] = field(default_factory=set)
    cargo_of: dict[JobId, CargoSlug] = field(default_factory=dict)
    killed_at_ms: dict[CargoSlug, int] = field(default_factory=dict)

    def see(self, event: Any, commit: Commit, log: Sequence[Commit]) -> None:
        match event:
            case JobSubmitted():
                self.cargo_of[event.job_id] = event.cargo.slug
            case JobAssigned() | JobSucceeded():
                self._see_running(event, commit.recorded_at_ms)
            case CargoDisabled() if event.is_killed:
                self.killed_at_ms.setdefault(event.slug, commit.recorded_at_ms)
            case CargoEnabled():
                self.killed_at_ms.pop(event.slug, None)
            case ReputationChanged() if event.cause is ReputationCause.USE:
                self._see_tally(event, log)
            case _:
                pass

    def _see_running(self, event: JobAssigned | JobSucceeded, at_ms: int) -> None:
        killed_at_ms = self.killed_at_ms.get(event.cargo_slug)
        if killed_at_ms is not None:
            stopped_by_ms = max(killed_at_ms, CALM_FROM_MS) + STOPPED_WITHIN_MS
            require(at_ms <= stopped_by_ms, "K", event.job_id, "a killed cargo still runs")

    def _see_tally(self, event: ReputationChanged, log: Sequence[Commit]) -> None:
        for address in event.evidence:
            require(address not in self.counted, "T", event.slug, f"{address} was counted twice")
            self.counted.add(address)
            position, index = map(int, address.split("."))
            end = log[position - 1].events[index]
            is_end = isinstance(end, JobSucceeded | JobFailed | JobCancelled)
            require(is_end, "T", event.slug, f"{address} is no end of a job")
            require(
                self.cargo_of[end.job_id] == event.slug, "T", event.slug, f"{address} is of another cargo"
            )
