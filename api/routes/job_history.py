"""What happened to a job and why: its facts, the claims that did not count, its bookings, and each placement."""

from collections.abc import Iterable
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import answer
from api.authorization import JobReader
from api.edge import JOBS, LEDGER, Edge, EdgeState
from api.log_window import event_at
from api.owned import owned_job
from api.request_fields import After, PathJobId
from api.schemas.job_history import Placement, Timeline
from api.shapes.attempt import attempt_shape, refusals_shape
from api.shapes.charge import charge_shape
from api.shapes.fact import fact_shape
from api.shapes.job import compared_shape, error_text, queue_reasons
from api.shapes.ledger import entry_shape, is_visible
from api.shapes.present import present
from api.shapes.rejected_claim import rejected_claim_fields
from api.shapes.repayment import REPAYMENTS, repayment_shape
from domain.job import JOB
from projections.jobs import JobRow
from projections.ledger import EntryRow
from projections.postings import free

REJECTIONS_MAX: Final = 200

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get("/{job_id}/timeline", response_model=Timeline)
async def get_timeline(job_id: PathJobId, caller: JobReader, edge: Edge, after: After = None) -> Response:
    """List the job's facts in order, the claims that were rejected with their reasons, and what was booked."""
    await edge.catch_up(JOBS, after)
    await edge.catch_up(LEDGER, after)
    row = await owned_job(edge, caller, job_id)
    past = await edge.services.log.load(JOB.stream(job_id))
    rejected = await edge.services.rejected_claims.of_job(job_id, limit=REJECTIONS_MAX)
    entries = await edge.services.reads.entries_of_job(job_id)
    shape: dict[str, Any] = {
        "job_id": job_id,
        "state": row.state,
        "facts": [fact_shape(event) for event in past.events],
        "rejected_claims": [rejected_claim_fields(claim) for claim in rejected],
        "entries": [entry_shape(entry) for entry in entries if is_visible(entry, caller.account_id)],
    }
    return answer({**shape, "data": shape["facts"]})


@router.get("/{job_id}/placement", response_model=Placement)
async def get_placement(job_id: PathJobId, caller: JobReader, edge: Edge, after: After = None) -> Response:
    """Why the job ran where it ran: winner, scores and counted refusals of every attempt; why it still waits or failed;
    why it cost what it cost and what came back later; and what comparing its runs came to.
    """
    await edge.catch_up(JOBS, after)
    await edge.catch_up(LEDGER, after)
    row = await owned_job(edge, caller, job_id)
    attempts = [attempt_shape(attempt) for attempt in await edge.services.reads.attempts(job_id)]
    past = await edge.services.log.load(JOB.stream(job_id))
    entries = await edge.services.reads.entries_of_job(job_id)
    waits = refusals_shape(row.refusals) if queue_reasons(row) else None
    for refusals in (*(attempt["refusals"] for attempt in attempts), waits or ()):
        await name_examples(edge, refusals)
    shape = {
        "job_id": job_id,
        "state": row.state,
        "attempts": attempts,
        "queue_reasons": waits,
        "error_code": row.error_code,
        "error": error_text(row),
        "charge": charge_shape(row, past.events, entries),
        "repayments": await repayments(edge, row, entries),
        "verdict": await verdict(edge, row),
    }
    return answer(present({**shape, "data": attempts}))


async def repayments(
    edge: EdgeState, row: JobRow, entries: Iterable[EntryRow]
) -> list[dict[str, Any]] | None:
    """What the job's account got back after its end, oldest first; None where that is nothing."""
    own = [entry for entry in entries if entry.kind in REPAYMENTS and entry.account == free(row.account_id)]
    log = edge.services.log
    return [repayment_shape(entry, await event_at(log, entry.position, entry.index)) for entry in own] or None


async def verdict(edge: EdgeState, row: JobRow) -> dict[str, Any] | None:
    """The verdict with the name of each run's island; one that has left has none. None where there is no verdict."""
    shape: dict[str, Any] | None = compared_shape(row).get("verdict")
    for run in shape["runs"] if shape else ():
        island = await edge.services.reads.island(run["host_id"]) if run["host_id"] else None
        if island is not None:
            run["host_name"] = island.name
    return shape


async def name_examples(edge: EdgeState, refusals: Iterable[dict[str, Any]]) -> None:
    """Adds the name of each island that is an example; one that has left has none."""
    for refusal in refusals:
        island = await edge.services.reads.island(refusal["example"])
        if island is not None:
            refusal["example_name"] = island.name
