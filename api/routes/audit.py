"""For operators: whom a cargo or an island touched, refunds and new runs for them, and whether the books add up."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Admin
from api.edge import JOBS, Edge, EdgeState, origin_of
from api.errors import ApiError, ErrorCode, invalid, not_found
from api.request_fields import PLAIN_TEXT, POSITION_MAX, Limit, PathJobId, RequestId
from api.schemas.audit import Refund, Rerun, TouchedJobs
from api.schemas.forms import with_data
from api.schemas.ledger import BooksProof
from api.shapes.amounts import decimal_text
from api.shapes.audit import proof_shape, touched_shape
from api.strict_json import StrictRoute
from commands.rerun import rerun_id_for, run_again
from domain.account_events import HoldSettled
from domain.cargo import CARGO
from domain.cargo_spec import CargoSpec
from domain.cargo_state import spec_to_run
from domain.ids import AccountId, IslandId, JobId
from domain.job import JOB
from domain.job_events import JobSubmitted
from domain.job_state import Phase
from domain.refund import REFUND, RequestRefund
from projections.book_reads import Touch
from projections.ledger import EntryRow
from projections.postings import CLEARING, Kind

router = APIRouter(prefix="/audit", tags=["audit"], route_class=StrictRoute)

DIGEST: Final = r"^sha256:[0-9a-f]{64}$"
Digest = Annotated[str, StringConstraints(pattern=DIGEST)]
IslandText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Time = Annotated[str | None, Query(max_length=40, description="A time, as 2026-11-23T12:00:00Z.")]


class RepairRequest(BaseModel):
    """Why; and what must not be trusted again: an artifact, an island, or both. Becomes part of the log."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[
        str, StringConstraints(min_length=1, max_length=200, pattern=PLAIN_TEXT, strip_whitespace=True)
    ]
    cargo: Digest | None = None
    island: IslandText | None = None


@router.get("/touched", response_model=TouchedJobs)
async def list_touched(
    _: Admin,
    edge: Edge,
    *,
    cargo: Annotated[Digest | None, Query(description="Digest of an artifact.")] = None,
    island: Annotated[IslandText | None, Query(description="Id of an island.")] = None,
    since: Annotated[Time, Query(alias="from")] = None,
    until: Annotated[Time, Query(alias="to")] = None,
    after: Annotated[int, Query(ge=0, le=POSITION_MAX, description="Jobs behind this position.")] = 0,
    limit: Limit = 100,
) -> Response:
    """List the jobs that ran an artifact or ran on an island, oldest first; `position` of the answer resumes."""
    if cargo is None and island is None:
        raise invalid("cargo", "name a cargo, an island, or both")
    touch = Touch(
        artifact_digest=cargo,
        island_id=None if island is None else IslandId(island),
        since_ms=time_ms("from", since, 0),
        until_ms=time_ms("to", until, clock.now_ms() + 1),
    )
    rows = await edge.services.books.touched(touch, after=after, limit=limit)
    output_first = await edge.services.outputs.first_position()
    shapes = [
        touched_shape(row, output_first=output_first, rerun_id=await rerun_of(edge, row.job_id))
        for row in rows
    ]
    position = rows[-1].created_position if rows else after
    return answer({"jobs": shapes, "count": len(shapes), "position": position, "data": shapes})


@router.get("/books", response_model=with_data(BooksProof))
async def prove_books(_: Admin, edge: Edge) -> Response:
    """Add up the whole ledger: what must be 0 is, and one digest stands for every entry."""
    shape = proof_shape(await edge.services.books.prove(clock.now_ms()))
    return answer({**shape, "data": shape})


@router.post("/jobs/{job_id}/refund", response_model=with_data(Refund))
async def refund_job(
    job_id: PathJobId, request: RepairRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Refund what a job cost, from where it went; repeating it changes nothing."""
    original, settled = await settlement_of(edge, job_id)
    command = RequestRefund(
        job_id=job_id,
        account_id=settled.account_id,
        original=original,
        platform_fee_micro=settled.platform_fee_micro,
        publisher_micro=settled.publisher_micro,
        island_micro=settled.island_micro,
        island_id=settled.island_id,
        owner_id=settled.owner_id,
        publisher_id=settled.publisher_id,
        reason=request.reason,
        now_ms=clock.now_ms(),
    )
    handled = await edge.services.handler.handle(
        REFUND, job_id, command, origin=origin_of(caller, request_id)
    )
    shape = {
        "job_id": job_id,
        "account_id": settled.account_id,
        "settlement": original,
        "amount": decimal_text(settled.charged_micro),
        "new": bool(handled.events),
    }
    return answer({**shape, "data": shape}, position=handled.position)


@router.post("/jobs/{job_id}/rerun", response_model=with_data(Rerun))
async def rerun_job(
    job_id: PathJobId, request: RepairRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Run a job again for the network's account; repeating it finds the same new job."""
    old = await submission_of(edge, job_id)
    submission = await run_again(
        edge.services.handler,
        old,
        await trusted_cargo(edge, old, request.cargo),
        excluded_owners=await owners_of(edge, job_id, request.island),
        origin=origin_of(caller, request_id),
        now_ms=clock.now_ms(),
    )
    position = submission.handled.position
    await edge.settle(JOBS, position)
    shape = {"job_id": rerun_id_for(job_id), "rerun_of": job_id, "new": submission.is_new}
    return answer({**shape, "data": shape}, position=position)


def time_ms(field: str, text: str | None, default_ms: int) -> int:
    """Unix milliseconds. Raises `ApiError` (invalid)."""
    if text is None:
        return default_ms
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(field, "must be a time as 2026-11-23T12:00:00Z") from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return round(time.timestamp() * 1000)


async def rerun_of(edge: EdgeState, job_id: JobId) -> JobId | None:
    """The job that does this one again, if there is one."""
    rerun_id = rerun_id_for(job_id)
    return None if await edge.services.reads.job(rerun_id) is None else rerun_id


async def settlement_of(edge: EdgeState, job_id: JobId) -> tuple[str, HoldSettled]:
    """The charge of a job and its address, once all of it has arrived. Raises `ApiError`."""
    entries = await edge.services.reads.entries_of_job(job_id)
    settled = [entry for entry in entries if entry.kind is Kind.SETTLED]
    if not settled:
        raise ApiError(ErrorCode.CONFLICT, "job: nothing was charged for it")
    if not is_paid_out(entries):
        raise ApiError(ErrorCode.CONFLICT, "job: its charge is still on its way; repeat in a moment")
    position, index = settled[0].position, settled[0].index
    async for commits in edge.services.log.read(after=position - 1, up_to=position):
        event = commits[0].events[index]
        assert isinstance(event, HoldSettled)
        return f"{position}.{index}", event
    raise ApiError(ErrorCode.UNAVAILABLE, "job: its charge cannot be read now; repeat in a moment")


def is_paid_out(entries: list[EntryRow]) -> bool:
    """Whether everybody who earned from the charge has it."""
    charge = (Kind.SETTLED, Kind.ISLAND_EARNED, Kind.PUBLISHER_EARNED)
    return not sum(
        entry.amount_micro for entry in entries if entry.account == CLEARING and entry.kind in charge
    )


async def submission_of(edge: EdgeState, job_id: JobId) -> JobSubmitted:
    """How a job that has ended was asked for. Raises `ApiError`."""
    first = await edge.services.handler.first(JOB, job_id)  # Sealed, so that its input stays the customer's.
    event = None if first is None else first.events[0]
    if not isinstance(event, JobSubmitted):
        raise not_found(f"job {job_id}")
    state = await edge.services.handler.state(JOB, job_id)
    if state.phase in (Phase.SUBMITTED, Phase.ASSIGNED, Phase.RUNNING):
        raise ApiError(ErrorCode.CONFLICT, "job: it has not ended yet; cancel it or wait")
    return event


async def trusted_cargo(edge: EdgeState, old: JobSubmitted, bad_digest: str | None) -> CargoSpec:
    """The version to run, at the cargo's present trust level: the newest where the old artifact is not to be trusted.

    Raises `ApiError` (conflict).
    """
    cargo = await edge.services.handler.state(CARGO, old.cargo.slug)
    if cargo.latest is None or cargo.is_disabled:
        raise ApiError(ErrorCode.CONFLICT, f"cargo: {old.cargo.slug} is disabled; enable it first")
    if bad_digest is None:
        return spec_to_run(old.cargo, cargo.trust_level)
    spec = cargo.latest.spec
    if spec.artifact_digest == bad_digest:
        raise ApiError(ErrorCode.CONFLICT, f"cargo: {old.cargo.slug} has no newer version; publish one first")
    return spec_to_run(spec, cargo.trust_level)


async def owners_of(edge: EdgeState, job_id: JobId, island_id: str | None) -> tuple[AccountId, ...]:
    """Whose islands shall not run it again: the owner's of the island that is not to be trusted."""
    attempts = await edge.services.reads.attempts(job_id)
    return tuple(sorted({one.owner_id for one in attempts if one.island_id == island_id}))
