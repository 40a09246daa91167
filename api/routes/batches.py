"""Batches: many inputs of one cargo under one id, which reads and is cancelled as a job."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import JobReader, Writer
from api.batch_request import BatchRequest, at_index
from api.bidding import bid_of
from api.edge import JOBS, Edge, EdgeState, origin_of
from api.errors import ApiError, not_found
from api.job_submission import credits_short, fingerprint, runnable_cargo
from api.key_ring import Caller
from api.owned import owned_job
from api.recorded_job import RecordedJob
from api.request_fields import After, IdempotencyKey, PathJobId, RequestId
from api.schemas.job import Batch, BatchStatus
from api.shapes.batch import batch_shape, batch_status_shape
from api.strict_json import StrictRoute
from commands.submission import batch_id_for, part_id_for, submit_batch
from domain.account import ACCOUNT
from domain.batch import BATCH, BatchPhase
from domain.batch_commands import SubmitBatch
from domain.batch_events import Part
from domain.ids import JobId
from domain.rejection import Rejected, Rejection

router = APIRouter(prefix="/jobs", tags=["jobs"], route_class=StrictRoute)


@router.post("/batch", status_code=201, response_model=Batch)
async def submit_a_batch(
    request: BatchRequest, caller: Writer, edge: Edge, request_id: RequestId, key: IdempotencyKey = None
) -> Response:
    """Submit up to 100 inputs at once: hold the sum of their bids and queue a few at a time."""
    batch_id = batch_id_for(caller.account_id, key) if key else JobId(clock.new_id())
    if not (key and await was_submitted(edge, caller, batch_id, request)):
        await submit_new(edge, caller, batch_id, request, request_id)
    batch = await RecordedJob.load_batch(edge.services.log, batch_id)
    assert batch.row is not None
    await edge.settle(JOBS, batch.version)
    shape = batch_shape(batch.row, await edge.services.reads.parts(batch_id))
    return answer(shape, status=201, position=batch.version)


async def was_submitted(edge: EdgeState, caller: Caller, batch_id: JobId, request: BatchRequest) -> bool:
    """Whether this very request made its batch before. Raises `Rejected` where another one did."""
    batch = await edge.services.handler.state(BATCH, batch_id)
    if batch.phase is BatchPhase.UNSUBMITTED:
        return False
    if batch.phase is BatchPhase.ABANDONED:
        raise Rejected(Rejection.JOB_FINISHED, "the batch was given up; use a new Idempotency-Key")
    if (batch.account_id, batch.request_sha256) != (
        caller.account_id,
        await fingerprint(edge, caller.account_id, request),
    ):
        raise Rejected(Rejection.IDEMPOTENCY_MISMATCH, "Idempotency-Key: used for another request")
    return True


async def submit_new(
    edge: EdgeState, caller: Caller, batch_id: JobId, request: BatchRequest, request_id: str
) -> None:
    command = await command_for(edge, caller, batch_id, request)
    try:
        await submit_batch(edge.services.handler, command, origin_of(caller, request_id))
    except Rejected as rejected:
        if rejected.code is Rejection.CREDITS_SHORT:
            raise await credits_short(edge, caller.account_id, command.hold_micro) from rejected
        raise


async def command_for(edge: EdgeState, caller: Caller, batch_id: JobId, request: BatchRequest) -> SubmitBatch:
    asked, inputs_json = request, request.inputs_json()
    cargo = await runnable_cargo(edge, request.workload)
    for index, one in enumerate(request.inputs):
        try:
            edge.schemas.check(cargo.spec.slug, cargo.spec.version, cargo.input_schema, one)
        except ApiError as error:
            raise at_index(error, index) from error
    account = await edge.services.handler.state(ACCOUNT, caller.account_id)
    if held_micro := account.holds_micro.get(batch_id):  # Sent again before the batch was recorded.
        request = request.model_copy(update={"bid_price": held_micro // len(inputs_json)})
    parts = tuple(
        Part(job_id=part_id_for(batch_id, index), input_json=text) for index, text in enumerate(inputs_json)
    )
    digest = await fingerprint(edge, caller.account_id, asked)
    bid = await bid_of(edge, caller.account_id, parts[0].job_id, cargo.spec, request)
    return request.command(
        batch_id,
        caller.account_id,
        cargo.spec,
        bid=bid,
        parts=parts,
        fingerprint=digest,
        now_ms=clock.now_ms(),
    )


@router.get("/{job_id}/batch-status", response_model=BatchStatus)
async def get_batch_status(job_id: PathJobId, caller: JobReader, edge: Edge, after: After = None) -> Response:
    """Show where each part of a batch stands."""
    await edge.catch_up(JOBS, after)
    row = await owned_job(edge, caller, job_id)
    if row.batch is None:
        raise not_found(f"batch {job_id}")
    shape: dict[str, Any] = batch_status_shape(row, await edge.services.reads.parts(job_id))
    return answer(shape)
