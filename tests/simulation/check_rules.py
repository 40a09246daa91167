"""What must be true of checked results at every commit: who votes, what a verdict says, and what follows from it.

Written from the rules, not from the decider. Shared with the rules of money and karma, which ask what a run is due.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from domain.check_draw import CheckReason
from domain.check_events import (
    AnswerRecorded,
    CheckOpened,
    KnownAnswerJudged,
    LateAnswerTaken,
    Outcome,
    VerdictReached,
)
from domain.ids import IslandId, JobId
from domain.island_events import IslandEnrolled, ResultConfirmed, ResultContradicted
from domain.job_events import JobSucceeded
from tests.simulation.rule import require

Judged = tuple[IslandId, JobId, int]


@dataclass(slots=True)
class CheckRules:
    """`told_due` are runs whose islands have to learn what their result was worth."""

    opened: dict[JobId, CheckOpened] = field(default_factory=dict)
    answers: dict[JobId, list[JobSucceeded]] = field(default_factory=dict)
    judged: set[JobId] = field(default_factory=set)
    contradicted: set[JobId] = field(default_factory=set)
    told_due: dict[Judged, bool] = field(default_factory=dict)
    in_row: Counter[tuple[IslandId, str]] = field(default_factory=Counter)

    def see(self, event: Any) -> None:
        match event:
            case CheckOpened():
                require(event.job_id not in self.opened, "C", event.job_id, "a check was opened twice")
                self.opened[event.job_id] = event
            case AnswerRecorded():
                self._answered(event)
            case VerdictReached():
                self._verdict(event)
            case LateAnswerTaken():
                self.judged.add(event.run.job_id)
            case KnownAnswerJudged():
                self.judged.add(event.run.job_id)
                self._due(event.run, is_right=event.is_right)
            case ResultConfirmed() | ResultContradicted():
                self._told(event)
            case IslandEnrolled():
                for key in [key for key in self.in_row if key[0] == event.island_id]:
                    del self.in_row[key]
            case _:
                pass

    def _answered(self, event: AnswerRecorded) -> None:
        before = self.answers.setdefault(event.job_id, [])
        if self.opened[event.job_id].reason is not CheckReason.REDUNDANCY:
            owners = {run.owner_id for run in before}
            require(event.run.owner_id not in owners, "C", event.job_id, "one owner answered twice")
        before.append(event.run)

    def _verdict(self, event: VerdictReached) -> None:
        about = event.job_id
        in_groups = (*event.agreeing, *event.contradicted, *event.undecided)
        answered = self.answers.get(about, [])
        is_whole = sorted(run.job_id for run in in_groups) == sorted(run.job_id for run in answered)
        require(is_whole, "C", about, "a verdict leaves an answer out")
        owners = {run.owner_id for run in event.agreeing}
        if event.outcome is Outcome.INCONCLUSIVE:
            require(not event.agreeing and not event.contradicted, "C", about, "a verdict without proof")
        else:
            wins = 2 * len(owners) > max(event.runs, len({run.owner_id for run in answered}))
            require(wins, "C", about, f"{len(owners)} owners are no majority")
            require(len({run.output.digest for run in event.agreeing}) == 1, "C", about, "they differ")
        self.judged |= {run.job_id for run in in_groups}
        self.contradicted |= {run.job_id for run in event.contradicted}
        for run in event.agreeing:
            self._due(run, is_right=True)
        for run in event.contradicted:
            self._due(run, is_right=False)

    def _due(self, run: JobSucceeded, *, is_right: bool) -> None:
        self.told_due[run.island_id, run.job_id, run.attempt] = is_right
        if not is_right:
            self.contradicted.add(run.job_id)

    def _told(self, event: ResultConfirmed | ResultContradicted) -> None:
        is_right = isinstance(event, ResultConfirmed)
        due = self.told_due.pop((event.island_id, event.job_id, event.attempt), None)
        require(due is is_right, "C", event.island_id, f"told {is_right} about {event.job_id}")
        row = (event.island_id, event.runtime)
        self.in_row[row] = self.in_row[row] + 1 if is_right else 0
        if isinstance(event, ResultConfirmed):
            require(event.in_row == self.in_row[row], "C", event.island_id, f"{event.in_row} in a row")

    def may_be_paid(self, ended: JobSucceeded) -> bool:
        """Whether nothing stands against paying this run now."""
        return ended.check_id is None or ended.job_id in self.judged

    def check_all_is_told(self) -> None:
        for island_id, job_id, _ in self.told_due:
            require(False, "C", island_id, f"the island was not told what {job_id} was worth")
