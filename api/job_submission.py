"""From a request to a job in the log, and back out of it. Used by every route whose answer is a job's.

What a client repeats with the same Idempotency-Key ends in the same job; a job that nobody waits for is cancelled.
"""

from dataclasses import replace

from adapters import clock
from api.batch_request import BatchRequest
from api.bidding import bid_of
from api.edge import EdgeState, origin_of
from api.errors import ApiError, ErrorCode
from api.job_request import JobRequest
from api.job_text import has_text
from api.key_ring import Caller
from api.recorded_job import RecordedJob
from api.request_fields import slug_of
from api.shapes.amounts import decimal_text
from api.workflow_request import WorkflowRequest
from commands.event_log import Origin
from commands.submission import Submission, job_id_for, submit
from domain.account import ACCOUNT
from domain.cargo import CARGO
from domain.cargo_spec import CargoVersion
from domain.cargo_state import spec_to_run
from domain.ids import AccountId, JobId
from domain.job import JOB
from domain.job_commands import CancelJob
from domain.job_state import Phase
from domain.rejection import Rejected, Rejection


async def submitted_job(
    edge: EdgeState, caller: Caller, request: JobRequest, *, request_id: str, key: str | None
) -> RecordedJob:
    """The job of this request: a new one, or with an Idempotency-Key the one it made before.

    Raises `ApiError` and `Rejected`.
    """
    job_id = job_id_for(caller.account_id, key) if key else JobId(clock.new_id())
    if key and await was_submitted(edge, caller, job_id, request):
        return await RecordedJob.load(edge.services.log, job_id)
    return await submit_new(edge, caller, job_id, request, request_id)


async def was_submitted(edge: EdgeState, caller: Caller, job_id: JobId, request: JobRequest) -> bool:
    """Whether this very request made its job before. Raises `Rejected` where another one did."""
    job = await edge.services.handler.state(JOB, job_id)
    if job.phase is Phase.UNSUBMITTED:
        return False
    if job.phase is Phase.ABANDONED:
        raise Rejected(Rejection.JOB_FINISHED, "the job was given up; use a new Idempotency-Key")
    if (job.account_id, job.request_sha256) != (
        caller.account_id,
        await fingerprint(edge, caller.account_id, request),
    ):
        raise Rejected(Rejection.IDEMPOTENCY_MISMATCH, "Idempotency-Key: used for another request")
    return True


async def fingerprint(
    edge: EdgeState, account_id: AccountId, request: JobRequest | BatchRequest | WorkflowRequest
) -> str:
    """Tells a repeated request from another one; keyed, because a plain hash would betray a short input for ever."""
    return await edge.services.cipher.fingerprint(account_id, request.sha256().encode())


async def submit_new(
    edge: EdgeState, caller: Caller, job_id: JobId, request: JobRequest, request_id: str
) -> RecordedJob:
    submission = await submit_for(edge, caller.account_id, job_id, request, origin_of(caller, request_id))
    job = RecordedJob(edge.services.log, job_id)
    job.take(submission.handled.events, submission.handled.position)
    if job.row is None:  # Another request with the same Idempotency-Key was faster.
        await job.refresh()
    return job


async def submit_for(
    edge: EdgeState, account_id: AccountId, job_id: JobId, request: JobRequest, origin: Origin
) -> Submission:
    """Submits a job for whoever pays for it. Raises `ApiError` and `Rejected`."""
    input_json = request.input_json()
    cargo = await runnable_cargo(edge, request.workload)
    edge.schemas.check(cargo.spec.slug, cargo.spec.version, cargo.input_schema, request.input)
    bid = await bid_of(edge, account_id, job_id, cargo.spec, request)
    request.check_redundancy(cargo.spec, bid)
    command = request.command(
        job_id,
        account_id,
        cargo.spec,
        bid=bid,
        input_json=input_json,
        fingerprint=await fingerprint(edge, account_id, request),
        now_ms=clock.now_ms(),
    )
    try:
        return await submit(edge.services.handler, command, origin)
    except Rejected as rejected:
        if rejected.code is Rejection.CREDITS_SHORT:
            raise await credits_short(edge, account_id, command.bid_micro) from rejected
        raise


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


async def credits_short(edge: EdgeState, account_id: AccountId, required_micro: int) -> ApiError:
    account = await edge.services.handler.state(ACCOUNT, account_id)
    required, available = decimal_text(required_micro), decimal_text(account.free_micro)
    return ApiError(
        ErrorCode.INSUFFICIENT_CREDITS,
        f"bid_price: needs {required} credits, {available} are free",
        facts={"required": required, "available": available},
    )


async def cancel(edge: EdgeState, job: RecordedJob, origin: Origin) -> None:
    """Cancels the job; nothing is charged before its first output. Raises `Rejected` where it has ended otherwise."""
    assert job.row is not None
    command = CancelJob(
        job_id=job.row.job_id,
        account_id=job.row.account_id,
        has_output=job.row.state is Phase.RUNNING and await has_text(edge, job.row),
        now_ms=clock.now_ms(),
    )
    await edge.services.handler.handle(JOB, job.row.job_id, command, origin=origin)
    await job.refresh()
