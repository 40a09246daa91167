"""What must be true of every batch at every commit: how its parts start and end, and that its hold is what they cost.

Written from the rules, not from the decider. The jobs of its parts are held to the rules of jobs like any others.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from domain.account_events import CreditsHeld, HoldReleased, HoldSettled, HoldSplit
from domain.batch_events import (
    BatchAbandoned,
    BatchEnded,
    BatchStopped,
    BatchSubmitted,
    FailMode,
    Outcome,
    PartEnded,
    PartStarted,
)
from domain.ids import JobId
from domain.job_events import JobCancelled, JobFailed, JobSucceeded
from tests.simulation.job_rules import JobRules
from tests.simulation.rule import require

END_OF_PART: Final = {
    Outcome.SUCCEEDED: JobSucceeded,
    Outcome.FAILED: JobFailed,
    Outcome.CANCELLED: JobCancelled,
}


@dataclass(slots=True)
class BatchFacts:
    submitted: BatchSubmitted
    started: int = 0
    running: set[JobId] = field(default_factory=set)
    outcomes: list[Outcome] = field(default_factory=list)
    stopped: Outcome | None = None
    ended: BatchEnded | None = None


@dataclass(slots=True)
class BatchRules:
    """`held_micro` of each batch, and `spent_micro`: what of it was charged or came back, for parts and the rest."""

    jobs: JobRules
    batches: dict[JobId, BatchFacts] = field(default_factory=dict)
    abandoned: set[JobId] = field(default_factory=set)
    batch_of: dict[JobId, JobId] = field(default_factory=dict)
    held_micro: dict[JobId, int] = field(default_factory=dict)
    spent_micro: dict[JobId, int] = field(default_factory=dict)

    def see(self, event: Any) -> None:
        match event:
            case BatchSubmitted():
                is_new = event.batch_id not in self.batches and event.batch_id not in self.abandoned
                require(is_new, "B", event.batch_id, "a batch arrived twice, or was given up")
                self.batches[event.batch_id] = BatchFacts(submitted=event)
            case BatchAbandoned():
                require(event.batch_id not in self.batches, "B", event.batch_id, "given up after it arrived")
                self.abandoned.add(event.batch_id)
            case PartStarted() | PartEnded() | BatchStopped() | BatchEnded():
                batch = self.batches[event.batch_id]
                require(batch.ended is None, "B", event.batch_id, f"{type(event).__name__} behind its end")
                self._see_of_batch(batch, event)
            case CreditsHeld() if event.is_batch:
                self.held_micro[event.job_id], self.spent_micro[event.job_id] = event.amount_micro, 0
            case HoldSplit() if event.job_id in self.held_micro:
                self.batch_of[event.into_job_id] = event.job_id
            case HoldSettled():
                self._spent(event.job_id, event.charged_micro + event.released_micro)
            case HoldReleased():
                self._spent(event.job_id, event.released_micro)
            case _:
                pass

    def _spent(self, job_id: JobId, amount_micro: int) -> None:
        batch_id = self.batch_of.get(job_id, job_id)
        if batch_id in self.spent_micro:
            self.spent_micro[batch_id] += amount_micro

    def _see_of_batch(
        self, batch: BatchFacts, event: PartStarted | PartEnded | BatchStopped | BatchEnded
    ) -> None:
        about = event.batch_id
        match event:
            case PartStarted():
                require(batch.stopped is None, "B", about, "a part started behind the stop")
                require(event.index == batch.started, "B", about, f"part {event.index} out of turn")
                batch.started += 1
                batch.running.add(event.job_id)
                most = batch.submitted.parallelism_max
                require(len(batch.running) <= most, "B", about, f"{len(batch.running)} parts at once")
            case PartEnded():
                self._part_ended(batch, event)
            case BatchStopped():
                batch.stopped = event.outcome
                is_due = event.outcome is Outcome.CANCELLED or batch.submitted.fail_mode is FailMode.FAIL_FAST
                require(is_due, "B", about, f"stopped as {event.outcome}")
            case BatchEnded():
                self._ended(batch, event)

    def _part_ended(self, batch: BatchFacts, event: PartEnded) -> None:
        require(event.job_id in batch.running, "B", event.batch_id, f"part {event.index} ended twice")
        batch.running.discard(event.job_id)
        batch.outcomes.append(event.outcome)
        job = self.jobs.jobs.get(event.job_id)
        if job is None:  # It could not even be submitted.
            require(event.outcome is Outcome.FAILED, "B", event.job_id, "a job that never was succeeded")
        else:
            is_true = isinstance(job.ended, END_OF_PART[event.outcome])
            require(is_true, "B", event.job_id, f"told {event.outcome}, ended {type(job.ended).__name__}")

    def _ended(self, batch: BatchFacts, event: BatchEnded) -> None:
        about, parts = event.batch_id, len(batch.submitted.parts)
        require(not batch.running, "B", about, "ended while parts were under way")
        require(batch.stopped or batch.started == parts, "B", about, f"{batch.started} of {parts} started")
        good = batch.outcomes.count(Outcome.SUCCEEDED)
        counts = (good, len(batch.outcomes) - good)
        require((event.succeeded, event.failed) == counts, "B", about, f"parts ended as {counts}")
        due = batch.stopped or (Outcome.SUCCEEDED if good else Outcome.FAILED)
        require(event.outcome is due, "B", about, f"ended as {event.outcome}, due is {due}")
        batch.ended = event

    def unfinished(self) -> JobId | None:
        """A batch that has not ended."""
        return next((batch_id for batch_id, batch in self.batches.items() if batch.ended is None), None)

    def check_all_have_ended(self) -> None:
        require(self.unfinished() is None, "B", str(self.unfinished()), "the batch did not end in time")
        for batch_id, held in self.held_micro.items():
            spent = self.spent_micro[batch_id]
            require(spent == held, "B", batch_id, f"{held} were held and {spent} charged or given back")
