"""What a job's row says more where the job is a batch: its parts, and how many of them have ended.

Folded by `projections.jobs`. A batch is running from its submission on, for it waits in no queue of its own; it has
ended for its owner as soon as it stops, while the last parts are still being cancelled.
"""

from dataclasses import dataclass, replace
from typing import Final

from domain.batch_events import (
    BatchAbandoned,
    BatchEnded,
    BatchStopped,
    BatchSubmitted,
    FailMode,
    Merge,
    Outcome,
    PartEnded,
    PartStarted,
)
from domain.ids import JobId
from domain.job_state import Phase

PHASE_OF: Final = {
    Outcome.SUCCEEDED: Phase.SUCCEEDED,
    Outcome.FAILED: Phase.FAILED,
    Outcome.CANCELLED: Phase.CANCELLED,
}

EventOfBatch = BatchSubmitted | PartStarted | PartEnded | BatchStopped | BatchEnded | BatchAbandoned


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFacts:
    """`parts` are the jobs in the order of the inputs; `failed` counts those cancelled too."""

    parts: tuple[JobId, ...]
    merge: Merge
    fail_mode: FailMode
    parallelism_max: int
    succeeded: int = 0
    failed: int = 0

    @property
    def ended(self) -> int:
        """How many parts have ended."""
        return self.succeeded + self.failed


def facts_of(event: BatchSubmitted) -> BatchFacts:
    return BatchFacts(
        parts=tuple(part.job_id for part in event.parts),
        merge=event.merge,
        fail_mode=event.fail_mode,
        parallelism_max=event.parallelism_max,
    )


def with_part_ended(facts: BatchFacts, event: PartEnded) -> BatchFacts:
    is_success = event.outcome is Outcome.SUCCEEDED
    return replace(facts, succeeded=facts.succeeded + is_success, failed=facts.failed + (not is_success))
