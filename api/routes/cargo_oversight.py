"""What the operator of a network may do to any cargo: scan, review, kill, revive, and say who its publisher is."""

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Admin
from api.cargo_manifest import Digest
from api.edge import CARGOS, Edge, EdgeState, origin_of
from api.request_fields import PLAIN_TEXT, After, Limit, Name, PathAccountId, PathSlug, RequestId
from api.routes.cargo_trust import carry_out
from api.schemas.cargo import CargoStanding, CargoToReview, PublisherStanding
from api.schemas.forms import rows_of, with_data
from api.shapes.cargo_trust import publisher_shape, review_shape
from api.strict_json import StrictRoute
from domain.cargo import CARGO
from domain.cargo_commands import DisableCargo, EnableCargo, RecordIncident, RecordScan, ReviewCargo
from domain.ids import CargoSlug
from domain.publisher import PUBLISHER, GrantPublisherTier, PublisherTier

FINDINGS_MAX: Final = 1_000_000

router = APIRouter(tags=["workloads"], route_class=StrictRoute)

Note = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=PLAIN_TEXT, strip_whitespace=True)
]
Findings = Annotated[int, Field(ge=0, le=FINDINGS_MAX, strict=True)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class KillRequest(Body):
    """`reason` becomes part of the log and of every job that ends by it."""

    reason: Note


class ScanRequest(Body):
    """What a scanner found, counted by severity. `artifact_digest` is the latest version's unless it is named."""

    scanner: Name
    critical: Findings = 0
    high: Findings = 0
    medium: Findings = 0
    low: Findings = 0
    artifact_digest: Digest | None = None


class CargoReviewRequest(Body):
    """`signature_digest` names the signature that was seen over the artifact; a review that passes needs one."""

    passed: bool
    note: Note
    signature_digest: Digest | None = None


class IncidentRequest(Body):
    note: Note


class TierRequest(Body):
    tier: PublisherTier


@router.post("/workloads/{slug}/kill", response_model=with_data(CargoStanding))
async def kill_workload(
    slug: PathSlug, request: KillRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Switch a cargo off for everybody: no job is taken, waiting and running ones end, and nobody is charged."""
    command = DisableCargo(slug=slug, reason=request.reason, now_ms=clock.now_ms(), is_killed=True)
    return await carry_out(edge, caller, slug, command, request_id)


@router.post("/workloads/{slug}/revive", response_model=with_data(CargoStanding))
async def revive_workload(slug: PathSlug, caller: Admin, edge: Edge, request_id: RequestId) -> Response:
    """Let a cargo take jobs again, whatever disabled it."""
    command = EnableCargo(slug=slug, now_ms=clock.now_ms())
    return await carry_out(edge, caller, slug, command, request_id)


@router.post("/workloads/{slug}/scans", response_model=with_data(CargoStanding))
async def record_scan(
    slug: PathSlug, request: ScanRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Record a scan. Critical and high findings take the cargo to level 0."""
    cargo = await edge.services.handler.state(CARGO, slug)
    latest = cargo.latest.spec.artifact_digest if cargo.latest else ""
    command = RecordScan(
        slug=slug,
        scan_id=request_id,
        artifact_digest=request.artifact_digest or latest,
        scanner=request.scanner,
        critical=request.critical,
        high=request.high,
        medium=request.medium,
        low=request.low,
        publisher_tier=await tier_of_publisher(edge, slug),
        now_ms=clock.now_ms(),
    )
    return await carry_out(edge, caller, slug, command, request_id)


@router.get("/reviews", response_model=rows_of("reviews", CargoToReview))
async def list_cargos_to_review(_: Admin, edge: Edge, limit: Limit = 100, after: After = None) -> Response:
    """List the cargos that wait for a review, the longest waiting first."""
    await edge.catch_up(CARGOS, after)
    rows = [review_shape(row) for row in await edge.services.reads.cargos_awaiting_review(limit)]
    return answer({"reviews": rows, "count": len(rows), "data": [row["data"] for row in rows]})


@router.post("/workloads/{slug}/reviews", response_model=with_data(CargoStanding))
async def review_workload(
    slug: PathSlug, request: CargoReviewRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Record a review by staff of the present artifact. One that passes enables what complaints disabled."""
    command = ReviewCargo(
        slug=slug,
        review_id=request_id,
        is_passed=request.passed,
        signature_digest=request.signature_digest,
        note=request.note,
        publisher_tier=await tier_of_publisher(edge, slug),
        now_ms=clock.now_ms(),
    )
    return await carry_out(edge, caller, slug, command, request_id)


@router.post("/workloads/{slug}/incidents", response_model=with_data(CargoStanding))
async def record_incident(
    slug: PathSlug, request: IncidentRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Record a critical incident. It costs half a point of reputation; to stop the cargo, kill it."""
    command = RecordIncident(slug=slug, incident_id=request_id, note=request.note, now_ms=clock.now_ms())
    return await carry_out(edge, caller, slug, command, request_id)


@router.post("/publishers/{account_id}/tier", response_model=with_data(PublisherStanding))
async def grant_tier(
    account_id: PathAccountId, request: TierRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Say what is known of a publisher: the tier decides how many cargos it has and whether they reach level 1."""
    command = GrantPublisherTier(account_id=account_id, tier=request.tier, now_ms=clock.now_ms())
    origin = origin_of(caller, request_id)
    handled = await edge.services.handler.handle(PUBLISHER, account_id, command, origin=origin)
    await edge.settle(CARGOS, handled.position)
    return answer(publisher_shape(account_id, handled.state), position=handled.position)


async def tier_of_publisher(edge: EdgeState, slug: CargoSlug) -> PublisherTier:
    cargo = await edge.services.handler.state(CARGO, slug)
    if cargo.publisher_id is None:
        return PublisherTier.INDIVIDUAL
    return (await edge.services.handler.state(PUBLISHER, cargo.publisher_id)).tier
