"""Jobs: submit, list, get, cancel."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters import clock
from api.answers import answer, list_answer
from api.authorization import JobReader, Writer
from api.edge import JOBS, Edge, EdgeState, origin_of
from api.errors import invalid, not_found
from api.job_request import JobRequest
from api.job_submission import cancel, submitted_job
from api.job_text import result_of
from api.key_ring import Caller
from api.owned import owned_job
from api.recorded_job import RecordedJob
from api.request_fields import After, IdempotencyKey, Limit, Offset, PathJobId, RequestId
from api.schemas.forms import page_of
from api.schemas.job import CancelledJob, Job
from api.shapes.job import STATES_OF_WORD, job_shape
from api.strict_json import StrictRoute
from domain.batch import BATCH
from domain.batch_commands import CancelBatch
from domain.ids import JobId
from projections.jobs import JobRow

router = APIRouter(prefix="/jobs", tags=["jobs"], route_class=StrictRoute)


@router.post("", status_code=201, response_model=Job)
async def submit_job(
    request: JobRequest, caller: Writer, edge: Edge, request_id: RequestId, key: IdempotencyKey = None
) -> Response:
    """Submit a job: hold the bid and queue it. Repeating it with the same Idempotency-Key finds the same job."""
    job = await submitted_job(edge, caller, request, request_id=request_id, key=key)
    return await job_answer(edge, job, status=201)


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


@router.get("", response_model=page_of("jobs", Job))
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


@router.get("/{job_id}", response_model=Job)
async def get_job(job_id: PathJobId, caller: JobReader, edge: Edge, after: After = None) -> Response:
    """Get one job, with its output once it has succeeded."""
    await edge.catch_up(JOBS, after)
    row = await owned_job(edge, caller, job_id)
    return answer(await shape_of(edge, row, await result_of(edge, row)))


@router.delete("/{job_id}", response_model=CancelledJob)
async def cancel_job(job_id: PathJobId, caller: Writer, edge: Edge, request_id: RequestId) -> Response:
    """Cancel a job. Nothing is charged before its first output; repeating it changes nothing."""
    job = await RecordedJob.load(edge.services.log, job_id)
    if job.row is None:
        return await cancel_batch(edge, caller, job_id, request_id)
    if job.row.account_id != caller.account_id:
        raise not_found(f"job {job_id}")
    await cancel(edge, job, origin_of(caller, request_id))
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
