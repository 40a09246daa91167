"""What must be true of islands at every commit: who is barred gets nothing, and karma moves once for every cause."""

from dataclasses import dataclass, field
from typing import Any, Final

from commands.event_log import Commit
from domain.check_events import KnownAnswerJudged, LateAnswerTaken, VerdictReached
from domain.failure import ReturnReason
from domain.ids import IslandId, JobId
from domain.island_events import (
    FloodPenalized,
    IslandEnrolled,
    IslandKeyReplaced,
    IslandPaired,
    IslandReinstated,
    IslandRemoved,
    IslandRevoked,
    IslandSuspended,
    KarmaPenalized,
    WorkCredited,
)
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    AttemptStarted,
    JobAssigned,
    JobSucceeded,
)
from domain.karma import WRONG_RESULT
from tests.simulation.check_rules import CheckRules
from tests.simulation.job_rules import JobRules
from tests.simulation.rule import require

BAR_LAG_MS: Final = 25_000
REFUSALS: Final = (
    ReturnReason.POLICY,
    ReturnReason.CAPACITY,
    ReturnReason.VERIFICATION,
    ReturnReason.RUNTIME,
)

Judged = tuple[IslandId, JobId, int]


@dataclass(slots=True)
class Standing:
    """`barred_at` is the position of the event that barred it, None while it may have jobs."""

    is_paired: bool = False
    is_suspended: bool = False
    barred_at: int | None = 0
    barred_at_ms: int = 0
    karma: int = 0
    user_key: str | None = None
    revoked_keys: set[str] = field(default_factory=set)


@dataclass(slots=True)
class IslandRules:
    jobs: JobRules
    checks: CheckRules
    islands: dict[IslandId, Standing] = field(default_factory=dict)
    started: set[Judged] = field(default_factory=set)
    credit_due: dict[Judged, int] = field(default_factory=dict)
    penalty_due: set[Judged] = field(default_factory=set)
    wrong_due: set[Judged] = field(default_factory=set)
    judged: set[Judged] = field(default_factory=set)
    floods: set[str] = field(default_factory=set)

    def see(self, event: Any, commit: Commit, led_since_ms: int | None) -> None:
        """`led_since_ms`: since when a coordinator has been leading without a break."""
        match event:
            case JobAssigned():
                self._assigned(event)
            case AttemptStarted():
                self.started.add(judgement_of(event))
            case JobSucceeded():
                if event.check_id is None:
                    self.credit_due[judgement_of(event)] = event.worked_ms
                self._bar_had_time(event, commit.recorded_at_ms, led_since_ms)
            case AttemptLost() | AttemptFailed() | AttemptReturned():
                if self._costs_karma(event):
                    self.penalty_due.add(judgement_of(event))
            case VerdictReached() | LateAnswerTaken() | KnownAnswerJudged():
                self._compared(event)
            case WorkCredited() | KarmaPenalized():
                self._judged(event)
            case FloodPenalized():
                require(event.flood_id not in self.floods, "J4", event.island_id, "one flood, two penalties")
                self.floods.add(event.flood_id)
                self._karma_moved(event)
            case _:
                self._membership(event, commit)

    def see_earlier_work(self, commit: Commit) -> None:
        """Karma that an island brings along."""
        for event in commit.events:
            if isinstance(event, WorkCredited):
                self.islands[event.island_id].karma = event.karma

    def _assigned(self, event: JobAssigned) -> None:
        barred_at = self.islands[event.island_id].barred_at
        seen = event.explanation.view_position
        is_known = barred_at is not None and barred_at <= seen
        require(not is_known, "S1", event.job_id, f"placed at {seen} on an island barred at {barred_at}")

    def _bar_had_time(self, event: JobSucceeded, now_ms: int, led_since_ms: int | None) -> None:
        island, job = self.islands[event.island_id], self.jobs.jobs[event.job_id]
        assert job.last is not None
        if island.barred_at is None or led_since_ms is None:
            return
        since_ms = max(island.barred_at_ms, led_since_ms, job.last.assigned_at_ms)
        late_ms = now_ms - since_ms
        require(late_ms < BAR_LAG_MS, "S1", event.job_id, f"kept {late_ms} ms by a barred island")

    def _costs_karma(self, event: AttemptLost | AttemptFailed | AttemptReturned) -> bool:
        if isinstance(event, AttemptReturned):
            return judgement_of(event) in self.started and event.reason in REFUSALS
        return self.jobs.karma_due(event)

    def _compared(self, event: VerdictReached | LateAnswerTaken | KnownAnswerJudged) -> None:
        """Whoever was right is credited now, who was wrong pays besides what he got before."""
        if isinstance(event, VerdictReached):
            right, wrong = (*event.agreeing, *event.undecided), event.contradicted
        elif isinstance(event, KnownAnswerJudged) and not event.is_right:
            right, wrong = (), (event.run,)
        else:
            right, wrong = (event.run,), ()
        for run in right:
            if judgement_of(run) not in self.judged:
                self.credit_due[judgement_of(run)] = run.worked_ms
        self.wrong_due |= {judgement_of(run) for run in wrong}

    def _judged(self, event: WorkCredited | KarmaPenalized) -> None:
        about, judged = event.island_id, judgement_of(event)
        if isinstance(event, KarmaPenalized) and event.penalty in WRONG_RESULT:
            require(judged in self.wrong_due, "J4", about, f"penalized for {event.job_id}, which was right")
            self.wrong_due.discard(judged)
            self._karma_moved(event)
            return
        require(judged not in self.judged, "J4", about, f"karma moved twice for {event.job_id}")
        self.judged.add(judged)
        if isinstance(event, WorkCredited):
            due = self.credit_due.pop(judged, None)
            require(due == event.worked_ms, "J4", about, f"credited {event.worked_ms} ms, due were {due}")
        else:
            require(judged in self.penalty_due, "J4", about, f"penalized for {event.job_id} without a cause")
            self.penalty_due.discard(judged)
        self._karma_moved(event)

    def _karma_moved(self, event: WorkCredited | KarmaPenalized | FloodPenalized) -> None:
        island = self.islands[event.island_id]
        island.karma += event.karma_delta
        require(island.karma == event.karma, "J4", event.island_id, "karma is not the sum of its causes")

    def _membership(self, event: Any, commit: Commit) -> None:
        match event:
            case IslandEnrolled():
                island = self.islands.setdefault(event.island_id, Standing())
                island.is_paired = event.owner_id is not None
                self._key(event.island_id, island, event.user_key)
            case IslandPaired():
                island = self.islands[event.island_id]
                require(not island.is_paired, "J4", event.island_id, "an island was paired twice")
                island.is_paired = True
            case IslandKeyReplaced():
                island = self.islands[event.island_id]
                self._key(event.island_id, island, event.user_key)
            case IslandSuspended() | IslandReinstated():
                island = self.islands[event.island_id]
                island.is_suspended = isinstance(event, IslandSuspended)
            case IslandRemoved() | IslandRevoked():
                island = self.islands[event.island_id]
                island.is_paired = False
                if isinstance(event, IslandRevoked) and island.user_key is not None:
                    island.revoked_keys.add(island.user_key)
            case _:
                return
        is_barred = island.is_suspended or not island.is_paired
        if not is_barred:
            island.barred_at = None
        elif island.barred_at is None:
            island.barred_at, island.barred_at_ms = commit.position, commit.recorded_at_ms

    def _key(self, island_id: IslandId, island: Standing, user_key: str | None) -> None:
        require(user_key not in island.revoked_keys, "S1", island_id, "a revoked key counts again")
        island.user_key = user_key

    def check_all_is_judged(self) -> None:
        """At the end: every success has earned karma and every fault has cost it."""
        for island_id, job_id, attempt in self.credit_due:
            require(False, "J4", job_id, f"attempt {attempt} earned {island_id} no karma")
        for island_id, job_id, attempt in self.penalty_due:
            require(False, "J4", job_id, f"attempt {attempt} cost {island_id} no karma")


def judgement_of(event: Any) -> Judged:
    return event.island_id, event.job_id, event.attempt
