"""A batch of three inputs and its story, two parts at a time. Used by all tests of batches.

Each builder takes the fields that a test is about. The parts are `PARTS`; the instants are seconds after `T0_MS`.
"""

from dataclasses import replace
from typing import Any, Final

from domain import batch_commands, batch_events
from domain.batch_events import BatchEnd, FailMode, Merge, Outcome, Part
from domain.ids import JobId
from domain.job import QUEUE_LIMIT_MS
from tests.examples import BID_MICRO, CARGO, CUSTOMER, T0_MS, at_ms

BATCH_ID: Final = JobId("0192d0b4-7c2e-7aaa-8bbb-0000000000b0")
PARTS: Final = tuple(
    Part(job_id=JobId(f"0192d0b4-7c2e-7aaa-8bbb-0000000000b{n}"), input_json=f'{{"text":"{n}"}}')
    for n in (1, 2, 3)
)


def submit_batch(**fields: Any) -> batch_commands.SubmitBatch:
    plain = batch_commands.SubmitBatch(
        batch_id=BATCH_ID,
        account_id=CUSTOMER,
        cargo=CARGO,
        parts=PARTS,
        merge=Merge.CONCAT,
        fail_mode=FailMode.BEST_EFFORT,
        parallelism_max=2,
        bid_micro=BID_MICRO,
        priority=0,
        region=None,
        queue_limit_ms=QUEUE_LIMIT_MS,
        request_sha256="c" * 64,
        now_ms=T0_MS,
    )
    return replace(plain, **fields)


def end_part(
    index: int, outcome: Outcome = Outcome.SUCCEEDED, seconds: float = 5, code: str | None = None
) -> batch_commands.EndPart:
    return batch_commands.EndPart(
        batch_id=BATCH_ID,
        job_id=PARTS[index].job_id,
        outcome=outcome,
        code=code,
        now_ms=at_ms(seconds),
    )


def cancel_batch(seconds: float = 5) -> batch_commands.CancelBatch:
    return batch_commands.CancelBatch(batch_id=BATCH_ID, account_id=CUSTOMER, now_ms=at_ms(seconds))


def batch_submitted(**fields: Any) -> batch_events.BatchSubmitted:
    plain = batch_events.BatchSubmitted(
        batch_id=BATCH_ID,
        account_id=CUSTOMER,
        cargo=CARGO,
        parts=PARTS,
        merge=Merge.CONCAT,
        fail_mode=FailMode.BEST_EFFORT,
        parallelism_max=2,
        bid_micro=BID_MICRO,
        unit_bid_micro=0,
        priority=0,
        region=None,
        privacy_tier=0,
        excluded_owners=(),
        queue_limit_ms=QUEUE_LIMIT_MS,
        request_sha256="c" * 64,
        submitted_at_ms=T0_MS,
    )
    return replace(plain, **fields)


def part_started(index: int, seconds: float = 0) -> batch_events.PartStarted:
    return batch_events.PartStarted(
        batch_id=BATCH_ID,
        account_id=CUSTOMER,
        index=index,
        job_id=PARTS[index].job_id,
        started_at_ms=at_ms(seconds),
    )


def part_ended(
    index: int, outcome: Outcome = Outcome.SUCCEEDED, seconds: float = 5, code: str | None = None
) -> batch_events.PartEnded:
    return batch_events.PartEnded(
        batch_id=BATCH_ID,
        account_id=CUSTOMER,
        index=index,
        job_id=PARTS[index].job_id,
        outcome=outcome,
        code=code,
        ended_at_ms=at_ms(seconds),
    )


def batch_stopped(*running: int, seconds: float = 5, **fields: Any) -> batch_events.BatchStopped:
    plain = batch_events.BatchStopped(
        batch_id=BATCH_ID,
        account_id=CUSTOMER,
        outcome=Outcome.CANCELLED,
        code=None,
        detail="",
        running=tuple(PARTS[index].job_id for index in running),
        stopped_at_ms=at_ms(seconds),
    )
    return replace(plain, **fields)


def batch_ended(outcome: Outcome = Outcome.SUCCEEDED, seconds: float = 5, **fields: Any) -> Any:
    plain = batch_events.BatchEnded(
        batch_id=BATCH_ID,
        account_id=CUSTOMER,
        outcome=outcome,
        code=None,
        detail="",
        succeeded=3,
        failed=0,
        ended_at_ms=at_ms(seconds),
    )
    return replace(plain, **fields)


STARTED: Final = (batch_submitted(), part_started(0), part_started(1))
EVENTS: Final[tuple[batch_events.BatchEvent, ...]] = (
    batch_submitted(),
    part_started(0),
    part_ended(0, Outcome.FAILED, code="crashed"),
    batch_stopped(1, outcome=Outcome.FAILED, code=BatchEnd.PART_FAILED, detail="part 0: crashed"),
    batch_ended(Outcome.FAILED, code=BatchEnd.PART_FAILED, detail="part 0: crashed", succeeded=0, failed=2),
    batch_events.BatchAbandoned(batch_id=BATCH_ID, account_id=CUSTOMER, abandoned_at_ms=at_ms(60)),
)
"""One of each kind, with every field filled."""
