"""Where each job stands: the answer to "what became of it", and its attempts for "why there".

Folded from the job's own events and from the settlement of its hold. Live jobs and old ones lie in the same tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, assert_never, get_args

from commands.event_log import Commit
from domain.account_events import HoldSettled
from domain.batch_events import (
    BatchAbandoned,
    BatchEnded,
    BatchStopped,
    BatchSubmitted,
    PartEnded,
    PartStarted,
)
from domain.bid import BidSource
from domain.cargo_spec import Runtime
from domain.check_events import VerdictReached
from domain.ids import AccountId, CargoSlug, IslandId, JobId
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    AttemptStarted,
    JobAbandoned,
    JobAssigned,
    JobCancelled,
    JobEvent,
    JobFailed,
    JobSubmitted,
    JobSucceeded,
    LeaseRenewed,
    Output,
    PlacementDeferred,
    Usage,
)
from domain.job_state import Phase
from domain.personal import PersonalOf
from domain.placement import RefusalCount
from domain.pricing import PriceUnit
from projections import named_sql
from projections.attempts import ATTEMPTS
from projections.batch_facts import PHASE_OF, BatchFacts, EventOfBatch, facts_of, with_part_ended
from projections.contract import Transaction
from projections.job_verdict import JobVerdict, counting_answer, verdict_of
from projections.keyed_fold import KeyedFold
from projections.live_batch import KnownRows, Write, folded
from projections.table import Table

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))

EventOfJob = JobEvent | HoldSettled | VerdictReached | EventOfBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job as its owner sees it.

    `state` is submitted, assigned, running, succeeded, failed or cancelled. `island_id` and `price_micro` belong to the
    attempt under way or, once the job has ended, to the last one. `refusals` say why it is still waiting.
    `bid_source` says where the bid came from; `unit_bid_micro` is 0 unless the cargo is metered; `units` are those that
    were charged. `started_at_ms` is when the newest attempt that started did so. Output lies in `JOB_OUTPUT` behind
    `output_after`.
    `batch_id` is the batch that the job is the `batch_index`-th part of; `batch` is there where the job is one itself.
    `redundancy` is how many runs share the bid; `check_id` is the job that this one is a further run of. With a
    `verdict` the output is that of its `answer_id`.
    `created_position` is the public number of the job, `position` the newest commit that changed this row.
    """

    job_id: JobId
    account_id: AccountId
    cargo_slug: CargoSlug
    cargo_version: str
    artifact_digest: str
    runtime: Runtime
    input_json: Annotated[str, PersonalOf("account_id", holds_json=True)]
    bid_micro: int
    priority: int
    region: str | None
    state: Phase
    attempt: int = 0
    island_id: IslandId | None = None
    price_micro: int | None = None
    charged_micro: int | None = None
    output_after: int = 0
    refusals: tuple[RefusalCount, ...] = ()
    error_code: str | None = None
    error_detail: Annotated[str | None, PersonalOf("account_id")] = None
    output: Output | None = None
    usage: Usage | None = None
    price_unit: PriceUnit = PriceUnit.JOB
    unit_bid_micro: int = 0
    bid_source: BidSource | None = None
    units: int | None = None
    batch_id: JobId | None = None
    batch_index: int = 0
    batch: BatchFacts | None = None
    check_id: JobId | None = None
    redundancy: int = 1
    verdict: JobVerdict | None = None
    submitted_at_ms: int
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    created_position: int
    position: int


def job_after(row: JobRow | None, event: EventOfJob, position: int) -> JobRow | None:
    if isinstance(event, JobSubmitted):
        return new_job(event, position)
    if isinstance(event, BatchSubmitted):
        return new_batch(event, position)
    if row is None:
        return None
    match event:
        case JobAssigned():
            return replace(
                row,
                state=Phase.ASSIGNED,
                attempt=event.attempt,
                island_id=event.island_id,
                price_micro=event.price_micro,
                output_after=event.output_after,
                refusals=(),
                position=position,
            )
        case PlacementDeferred():
            return replace(row, refusals=event.refusals, position=position)
        case AttemptStarted():
            return replace(row, state=Phase.RUNNING, started_at_ms=event.started_at_ms, position=position)
        case AttemptLost() | AttemptFailed() | AttemptReturned():
            return replace(row, state=Phase.SUBMITTED, island_id=None, price_micro=None, position=position)
        case VerdictReached():
            return judged_job(row, event, position)
        case HoldSettled():
            return replace(row, charged_micro=event.charged_micro, units=event.units, position=position)
        case JobSucceeded() | JobFailed() | JobCancelled():
            return ended_job(row, event, position)
        case PartEnded() | BatchStopped() | BatchEnded():
            return changed_batch(row, event, position)
        case LeaseRenewed() | JobAbandoned() | PartStarted() | BatchAbandoned():
            return row
        case _:
            assert_never(event)


def new_job(event: JobSubmitted, position: int) -> JobRow:
    return JobRow(
        job_id=event.job_id,
        account_id=event.account_id,
        cargo_slug=event.cargo.slug,
        cargo_version=event.cargo.version,
        artifact_digest=event.cargo.artifact_digest,
        runtime=event.cargo.runtime,
        input_json=event.input_json,
        bid_micro=event.bid_micro,
        priority=event.priority,
        region=event.region,
        state=Phase.SUBMITTED,
        price_unit=event.cargo.price_unit,
        unit_bid_micro=event.unit_bid_micro,
        bid_source=event.bid_source,
        batch_id=event.batch_id,
        batch_index=event.batch_index,
        check_id=event.check_id,
        redundancy=event.redundancy,
        submitted_at_ms=event.submitted_at_ms,
        created_position=position,
        position=position,
    )


def new_batch(event: BatchSubmitted, position: int) -> JobRow:
    """A batch as one job: its bid is the sum, its inputs are those of its parts."""
    return JobRow(
        job_id=event.batch_id,
        account_id=event.account_id,
        cargo_slug=event.cargo.slug,
        cargo_version=event.cargo.version,
        artifact_digest="",
        runtime=event.cargo.runtime,
        input_json="{}",
        bid_micro=event.bid_micro * len(event.parts),
        priority=event.priority,
        region=event.region,
        state=Phase.RUNNING,
        price_unit=event.cargo.price_unit,
        unit_bid_micro=event.unit_bid_micro,
        batch=facts_of(event),
        submitted_at_ms=event.submitted_at_ms,
        started_at_ms=event.submitted_at_ms,
        created_position=position,
        position=position,
    )


def changed_batch(row: JobRow, event: PartEnded | BatchStopped | BatchEnded, position: int) -> JobRow:
    if isinstance(event, PartEnded):
        facts = row.batch and with_part_ended(row.batch, event)
        return replace(row, batch=facts, position=position)
    is_over = row.ended_at_ms is not None
    at_ms = event.stopped_at_ms if isinstance(event, BatchStopped) else event.ended_at_ms
    return replace(
        row,
        state=PHASE_OF[event.outcome],
        error_code=event.code,
        error_detail=event.detail or None,
        ended_at_ms=row.ended_at_ms if is_over else at_ms,
        position=position,
    )


def judged_job(row: JobRow, event: VerdictReached, position: int) -> JobRow:
    """A result that proved wrong, or that is missing, gives way to that of the majority."""
    judged = replace(row, verdict=verdict_of(event, row.account_id), position=position)
    answer = counting_answer(event)
    if answer is None or row.state is Phase.CANCELLED:
        return judged
    return replace(
        judged,
        state=Phase.SUCCEEDED,
        island_id=answer.island_id,
        attempt=answer.attempt,
        price_micro=answer.price_micro,
        output=answer.output,
        output_after=answer.output.after,
        usage=answer.usage,
        error_code=None,
        error_detail=None,
    )


def ended_job(row: JobRow, event: JobSucceeded | JobFailed | JobCancelled, position: int) -> JobRow:
    match event:
        case JobSucceeded():
            return replace(
                row,
                state=Phase.SUCCEEDED,
                output=event.output,
                usage=event.usage,
                ended_at_ms=event.succeeded_at_ms,
                position=position,
            )
        case JobFailed():
            return replace(
                row,
                state=Phase.FAILED,
                island_id=event.island_id,
                error_code=event.code,
                error_detail=event.detail,
                ended_at_ms=event.failed_at_ms,
                position=position,
            )
        case JobCancelled():
            return replace(row, state=Phase.CANCELLED, ended_at_ms=event.cancelled_at_ms, position=position)
        case _:
            assert_never(event)


JOBS: Final = KeyedFold(
    table=Table(JobRow, "jobs", key=("job_id",)),
    concerns=frozenset(get_args(EventOfJob)),
    key_of=lambda event: event.batch_id if isinstance(event, EventOfBatch) else event.job_id,
    row_after=job_after,
)


class Jobs:
    name = "jobs"
    version = 1
    concerns = JOBS.concerns | ATTEMPTS.concerns
    migrations = named_sql.migrations(SQL)
    tables: Mapping[str, tuple[str, ...]] = {fold.table.name: fold.table.key for fold in (JOBS, ATTEMPTS)}

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        await JOBS.apply(tx, commits)
        await ATTEMPTS.apply(tx, commits)

    async def writes(self, tx: Transaction, commits: Sequence[Commit], known: KnownRows) -> Sequence[Write]:
        return [await folded(fold, tx, commits, known) for fold in (JOBS, ATTEMPTS)]
