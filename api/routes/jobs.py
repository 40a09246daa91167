"""Jobs: submit, list, get, cancel."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters import clock
from api.answers import answer, list_answer
from api.authorization import JobReader, Writer
from api.bidding import bid_of
from api.edge import JOBS, Edge, EdgeState, origin_of
from api.errors import ApiError, ErrorCode, invalid, not_found
from api.job_request import JobRequest
from api.job_text import has_text, result_of
from api.key_ring import Caller
from api.owned import owned_job
from api.recorded_job import RecordedJob
from api.request_fields import After, IdempotencyKey, Limit, Offset, PathJobId, RequestId, slug_of
from api.shapes.amounts import decimal_text
from api.shapes.job import STATES_OF_WORD, job_shape
from api.strict_json import StrictRoute
from commands.submission import job_id_for, submit
from domain.account import ACCOUNT
from domain.batch import BATCH
from domain.batch_commands import CancelBatch
from domain.cargo import CARGO
from domain.cargo_spec import CargoVersion
from domain.cargo_state import spec_to_run
from domain.ids import JobId
from domain.job import JOB
from domain.job_commands import CancelJob
from domain.job_state import Phase
from domain.rejection import Rejected, Rejection
from projections.jobs import JobRow

router = APIRouter(prefix="/jobs", tags=["jobs"], route_class=StrictRoute)


@router.post("", status_code=201)
async def submit_job(
    request: JobRequest, caller: Writer, edge: Edge, request_id: RequestId, key: IdempotencyKey = None
) -> Response:
    """Submit a job: hold the bid and queue it. Repeating it with the same Idempotency-Key finds the same job."""
    job_id = job_id_for(caller.account_id, key) if key else JobId(clock.new_id())
    if key and await was_submitted(edge, caller, job_id, request):
        job = await RecordedJob.load(edge.services.log, job_id)
    else:
        job = await submit_new(edge, caller, job_id, request, request_id)
    return await job_answer(edge, job, status=201)


async def was_submitted(edge: EdgeState, caller: Caller, job_id: JobId, request: JobRequest) -> bool:
    """Whether this very request made its job before. Raises `Rejected` where another one did."""
    job = await edge.services.handler.state(JOB, job_id)
    if job.phase is Phase.UNSUBMITTED:
        return False
    if job.phase is Phase.ABANDONED:
        raise Rejected(Rejection.JOB_FINISHED, "the job was given up; use a new Idempotency-Key")
    if (job.account_id, job.request_sha256) != (caller.account_id, request.sha256()):
        raise Rejected(Rejection.IDEMPOTENCY_MISMATCH, "Idempotency-Key: used for another request")
    return True


async def submit_new(
    edge: EdgeState, caller: Caller, job_id: JobId, request: JobRequest, request_id: str
) -> RecordedJob:
    input_json = request.input_json()
    cargo = await runnable_cargo(edge, request.workload)
    edge.schemas.check(cargo.spec.slug, cargo.spec.version, cargo.input_schema, request.input)
    bid = await bid_of(edge, caller.account_id, job_id, cargo.spec, request)
    request.check_redundancy(cargo.spec, bid)
    command = request.command(
        job_id, caller.account_id, cargo.spec, bid=bid, input_json=input_json, now_ms=clock.now_ms()
    )
    try:
        submission = await submit(edge.services.handler, command, origin_of(caller, request_id))
    except Rejected as rejected:
        if rejected.code is Rejection.CREDITS_SHORT:
            raise await credits_short(edge, caller, command.bid_micro) from rejected
        raise
    job = RecordedJob(edge.services.log, job_id)
    job.take(submission.handled.events, submission.handled.position)
    if job.row is None:  # Another request with the same Idempotency-Key was faster.
        await job.refresh()
    return job


async def runnable_cargo(edge: EdgeState, workload: str) -> CargoVersion:
    """The latest version at the cargo's present trust level, from the log, so that what changes counts at once."""
    unknown = ApiError(
        ErrorCode.NOT_FOUND, "workload: no such cargo; see GET /api/v1/workloads or `archipelago cargo list`"
    )
    slug = slug_of(workload)
    if slug is None:
        raise unknown
    cargo = await edge.services.handler.state(CARGO, slug)
    if cargo.latest is None:
        raise unknown
    if cargo.is_disabled:
        raise ApiError(
            ErrorCode.CARGO_DISABLED, f"workload: {slug} is disabled; see `archipelago cargo trust {slug}`"
        )
    return replace(cargo.latest, spec=spec_to_run(cargo.latest.spec, cargo.trust_level))


async def credits_short(edge: EdgeState, caller: Caller, required_micro: int) -> ApiError:
    account = await edge.services.handler.state(ACCOUNT, caller.account_id)
    required, available = decimal_text(required_micro), decimal_text(account.free_micro)
    return ApiError(
        ErrorCode.INSUFFICIENT_CREDITS,
        f"bid_price: needs {required} credits, {available} are free",
        facts={"required": required, "available": available},
    )


async def job_answer(
    edge: EdgeState, job: RecordedJob, *, status: int = 200, message: str | None = None
) -> Response:
    """A job right after a write: as it is recorded, once the read side has it too or the wait is over."""
    assert job.row is not None
    await edge.settle(JOBS, job.version)
    shape = await shape_of(edge, job.row)
    return answer(shape | ({"message": message} if message else {}), status=status, position=job.version)


async def shape_of(edge: EdgeState, row: JobRow, output: str | None = None) -> dict[str, Any]:
    return job_shape(row, cargo_number=await edge.cargo_numbers.of(row.cargo_slug), output=output)


@router.get("")
async def list_jobs(
    *,
    caller: JobReader,
    edge: Edge,
    status: Annotated[str | None, Query(description="A state, or a status word of the SDKs.")] = None,
    parts: Annotated[bool, Query(description="Also the jobs that are parts of batches.")] = False,
    runs: Annotated[bool, Query(description="Also the further runs of jobs with redundancy.")] = False,
    limit: Limit = 20,
    offset: Offset = 0,
    after: After = None,
) -> Response:
    """List own jobs, newest first, without their outputs."""
    if status is not None and status not in STATES_OF_WORD:
        raise invalid("status", f"one of {', '.join(STATES_OF_WORD)}")
    await edge.catch_up(JOBS, after)
    states = None if status is None else STATES_OF_WORD[status]
    page = await edge.services.reads.jobs(
        caller.account_id, states, limit, offset, with_parts=parts, with_runs=runs
    )
    rows = [await shape_of(edge, row) for row in page.rows]
    return list_answer("jobs", rows, total=page.total, limit=limit, offset=offset)


@router.get("/{job_id}")
async def get_job(job_id: PathJobId, caller: JobReader, edge: Edge, after: After = None) -> Response:
    """Get one job, with its output once it has succeeded."""
    await edge.catch_up(JOBS, after)
    row = await owned_job(edge, caller, job_id)
    return answer(await shape_of(edge, row, await result_of(edge, row)))


@router.delete("/{job_id}")
async def cancel_job(job_id: PathJobId, caller: Writer, edge: Edge, request_id: RequestId) -> Response:
    """Cancel a job. Nothing is charged before its first output; repeating it changes nothing."""
    job = await RecordedJob.load(edge.services.log, job_id)
    if job.row is None:
        return await cancel_batch(edge, caller, job_id, request_id)
    if job.row.account_id != caller.account_id:
        raise not_found(f"job {job_id}")
    command = CancelJob(
        job_id=job_id,
        account_id=caller.account_id,
        has_output=job.row.state is Phase.RUNNING and await has_text(edge, job.row),
        now_ms=clock.now_ms(),
    )
    await edge.services.handler.handle(JOB, job_id, command, origin=origin_of(caller, request_id))
    await job.refresh()
    return await job_answer(edge, job, message="the job is cancelled")


async def cancel_batch(edge: EdgeState, caller: Caller, batch_id: JobId, request_id: str) -> Response:
    """Its parts are cancelled one by one from now on; what they have put out is charged as for jobs."""
    batch = await RecordedJob.load_batch(edge.services.log, batch_id)
    if batch.row is None or batch.row.account_id != caller.account_id:
        raise not_found(f"job {batch_id}")
    command = CancelBatch(batch_id=batch_id, account_id=caller.account_id, now_ms=clock.now_ms())
    await edge.services.handler.handle(BATCH, batch_id, command, origin=origin_of(caller, request_id))
    await batch.refresh()
    return await job_answer(edge, batch, message="the batch is cancelled")
