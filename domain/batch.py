"""A batch: one cargo on many inputs, each part a job of its own, started a few at a time, with one end for all.

The credits of all parts are held at its submission; `commands.processes.batching` splits each part's share off, submits
the part's job and reports its end. What may start, what has to stop and when the batch is over is decided here alone,
so a process that repeats itself or is late changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, assert_never

from domain.batch_commands import AbandonBatch, BatchCommand, CancelBatch, EndPart, SubmitBatch
from domain.batch_events import (
    BatchAbandoned,
    BatchEnd,
    BatchEnded,
    BatchEvent,
    BatchStopped,
    BatchSubmitted,
    FailMode,
    Outcome,
    PartEnded,
    PartStarted,
)
from domain.decider import Decider
from domain.ids import AccountId, JobId
from domain.rejection import Rejected, Rejection

PARTS_MAX: Final = 100
PARALLELISM_DEFAULT: Final = 10  # Parts under way at once where the request does not say.


class BatchPhase(StrEnum):
    UNSUBMITTED = "unsubmitted"  # Nothing is known of it.
    RUNNING = "running"  # Its parts start one after the other.
    STOPPING = "stopping"  # It starts no more; some parts have not ended yet.
    ENDED = "ended"  # Every part that started has ended.
    ABANDONED = "abandoned"  # Its credits were held and it never arrived.


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """`running` are the indexes of the parts under way. An ended batch has forgotten its inputs."""

    phase: BatchPhase = BatchPhase.UNSUBMITTED
    account_id: AccountId | None = None
    request_sha256: str = ""
    submitted: BatchSubmitted | None = None
    running: Mapping[JobId, int] = field(default_factory=dict)
    started: int = 0
    succeeded: int = 0
    failed: int = 0
    outcome: Outcome | None = None
    code: str | None = None
    detail: str = ""


def decide(batch: Batch, command: BatchCommand) -> list[BatchEvent]:
    match command:
        case SubmitBatch():
            return submit(batch, command)
        case EndPart():
            return end_part(batch, command)
        case CancelBatch():
            return cancel(batch, command)
        case AbandonBatch():
            return abandon(batch, command)
        case _:
            assert_never(command)


def submit(batch: Batch, command: SubmitBatch) -> list[BatchEvent]:
    if batch.phase is BatchPhase.ABANDONED:
        raise Rejected(Rejection.JOB_FINISHED, "the batch was given up before it arrived; submit it again")
    if batch.phase is not BatchPhase.UNSUBMITTED:
        if (batch.account_id, batch.request_sha256) != (command.account_id, command.request_sha256):
            raise Rejected(Rejection.IDEMPOTENCY_MISMATCH, "Idempotency-Key: used for another request")
        return []
    assert 0 < len(command.parts) <= PARTS_MAX
    assert command.bid_micro > 0
    assert command.parallelism_max > 0
    submitted = BatchSubmitted(
        batch_id=command.batch_id,
        account_id=command.account_id,
        cargo=command.cargo,
        parts=command.parts,
        merge=command.merge,
        fail_mode=command.fail_mode,
        parallelism_max=command.parallelism_max,
        bid_micro=command.bid_micro,
        unit_bid_micro=command.unit_bid_micro,
        priority=command.priority,
        region=command.region,
        privacy_tier=command.privacy_tier,
        excluded_owners=command.excluded_owners,
        queue_limit_ms=command.queue_limit_ms,
        request_sha256=command.request_sha256,
        submitted_at_ms=command.now_ms,
    )
    first = range(min(command.parallelism_max, len(command.parts)))
    return [submitted, *(part_started(submitted, index, command.now_ms) for index in first)]


def part_started(of: BatchSubmitted, index: int, now_ms: int) -> PartStarted:
    return PartStarted(
        batch_id=of.batch_id,
        account_id=of.account_id,
        index=index,
        job_id=of.parts[index].job_id,
        started_at_ms=now_ms,
    )


def end_part(batch: Batch, command: EndPart) -> list[BatchEvent]:
    index = batch.running.get(command.job_id)
    if index is None:
        return []
    assert batch.submitted is not None
    ended = PartEnded(
        batch_id=command.batch_id,
        account_id=batch.submitted.account_id,
        index=index,
        job_id=command.job_id,
        outcome=command.outcome,
        code=command.code,
        ended_at_ms=command.now_ms,
    )
    return [ended, *after_part(evolve(batch, ended), batch.submitted, ended)]


def after_part(batch: Batch, of: BatchSubmitted, last: PartEnded) -> list[BatchEvent]:
    """What follows from the end of a part, in the same commit."""
    now_ms = last.ended_at_ms
    if batch.phase is BatchPhase.STOPPING:
        return [] if batch.running else [ended(batch, of, now_ms)]
    if last.outcome is not Outcome.SUCCEEDED and of.fail_mode is FailMode.FAIL_FAST:
        because = f"part {last.index}: {last.code or last.outcome}"
        stopped = stop(batch, of, Outcome.FAILED, now_ms, because)
        return [stopped, *([] if batch.running else [ended(evolve(batch, stopped), of, now_ms)])]
    if batch.started < len(of.parts):
        return [part_started(of, batch.started, now_ms)]
    return [] if batch.running else [ended(batch, of, now_ms)]


def stop(batch: Batch, of: BatchSubmitted, outcome: Outcome, now_ms: int, because: str = "") -> BatchStopped:
    return BatchStopped(
        batch_id=of.batch_id,
        account_id=of.account_id,
        outcome=outcome,
        code=BatchEnd.PART_FAILED if outcome is Outcome.FAILED else None,
        detail=because,
        running=tuple(batch.running),
        stopped_at_ms=now_ms,
    )


def ended(batch: Batch, of: BatchSubmitted, now_ms: int) -> BatchEnded:
    outcome, code, detail = batch.outcome, batch.code, batch.detail
    if outcome is None and batch.succeeded:
        outcome = Outcome.SUCCEEDED
    elif outcome is None:
        outcome, code = Outcome.FAILED, BatchEnd.ALL_PARTS_FAILED
        detail = f"none of {batch.failed} parts succeeded"
    return BatchEnded(
        batch_id=of.batch_id,
        account_id=of.account_id,
        outcome=outcome,
        code=code,
        detail=detail,
        succeeded=batch.succeeded,
        failed=batch.failed,
        ended_at_ms=now_ms,
    )


def cancel(batch: Batch, command: CancelBatch) -> list[BatchEvent]:
    if batch.account_id != command.account_id or batch.phase is BatchPhase.ABANDONED:
        raise Rejected(Rejection.JOB_UNKNOWN, f"no batch {command.batch_id}")
    if batch.outcome is Outcome.CANCELLED:
        return []
    if batch.phase is not BatchPhase.RUNNING:
        raise Rejected(Rejection.JOB_FINISHED, f"batch is {batch.outcome} already")
    assert batch.submitted is not None
    return [stop(batch, batch.submitted, Outcome.CANCELLED, command.now_ms)]


def abandon(batch: Batch, command: AbandonBatch) -> list[BatchEvent]:
    if batch.phase is not BatchPhase.UNSUBMITTED:
        return []
    return [
        BatchAbandoned(
            batch_id=command.batch_id, account_id=command.account_id, abandoned_at_ms=command.now_ms
        )
    ]


def evolve(batch: Batch, event: BatchEvent) -> Batch:
    match event:
        case BatchSubmitted():
            return Batch(
                phase=BatchPhase.RUNNING,
                account_id=event.account_id,
                request_sha256=event.request_sha256,
                submitted=event,
            )
        case PartStarted():
            running = {**batch.running, event.job_id: event.index}
            return replace(batch, running=running, started=event.index + 1)
        case PartEnded():
            return replace(
                batch,
                running={job: index for job, index in batch.running.items() if job != event.job_id},
                succeeded=batch.succeeded + (event.outcome is Outcome.SUCCEEDED),
                failed=batch.failed + (event.outcome is not Outcome.SUCCEEDED),
            )
        case BatchStopped():
            return replace(
                batch,
                phase=BatchPhase.STOPPING,
                outcome=event.outcome,
                code=event.code,
                detail=event.detail,
            )
        case BatchEnded():
            return replace(batch, phase=BatchPhase.ENDED, outcome=event.outcome, submitted=None)
        case BatchAbandoned():
            return replace(batch, phase=BatchPhase.ABANDONED, account_id=event.account_id)
        case _:
            assert_never(event)


BATCH: Decider[BatchCommand, Batch, BatchEvent] = Decider("batch", Batch(), decide, evolve)
