"""The catalogue of cargos: list, get, publish."""

from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import Response

from adapters import clock
from api.answers import answer, list_answer
from api.authorization import Reader, Writer
from api.cargo_manifest import CargoManifest
from api.edge import CARGOS, Edge, origin_of
from api.errors import ApiError, ErrorCode, not_found
from api.request_fields import After, Limit, Offset, PathSlug, RequestId
from api.schemas.cargo import PublishedVersion, Workload
from api.schemas.forms import page_of, with_data
from api.shapes.workload import workload_shape
from api.strict_json import StrictRoute
from commands.publication import publish
from domain.api_key import Scope
from domain.cargo_commands import PublishCargo
from domain.cargo_trust import OFFICIAL_LEVEL

PYTHON_SDK = "archipelag-python/"

router = APIRouter(prefix="/workloads", tags=["workloads"], route_class=StrictRoute)

UserAgent = Annotated[str, Header()]


@router.get("", response_model=page_of("workloads", Workload))
async def list_workloads(
    *,
    _: Reader,
    edge: Edge,
    limit: Limit = 20,
    offset: Offset = 0,
    after: After = None,
    user_agent: UserAgent = "",
) -> Response:
    """List the cargos that can be run, newest first."""
    await edge.catch_up(CARGOS, after)
    page = await edge.services.reads.cargos(limit, offset)
    for_python_sdk = user_agent.startswith(PYTHON_SDK)
    rows = [workload_shape(row, for_python_sdk=for_python_sdk) for row in page.rows]
    return list_answer("workloads", rows, total=page.total, limit=limit, offset=offset)


@router.get("/{slug}", response_model=Workload)
async def get_workload(
    slug: PathSlug, _: Reader, edge: Edge, after: After = None, user_agent: UserAgent = ""
) -> Response:
    """Get one cargo in its latest version, with the schemas of its input and output."""
    await edge.catch_up(CARGOS, after)
    row = await edge.services.reads.cargo(slug)
    if row is None:
        raise not_found(f"workload {slug}")
    return answer(workload_shape(row, for_python_sdk=user_agent.startswith(PYTHON_SDK)))


@router.post("", status_code=201, response_model=with_data(PublishedVersion))
async def publish_workload(
    manifest: CargoManifest, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Publish a version of a cargo whose artifact was uploaded before. Publishing the same again changes nothing.

    The manifest asks for a trust level; the cargo begins at 0 and earns it, unless an operator publishes it.
    """
    is_first_party = Scope.ADMIN in caller.scopes
    if manifest.trust_level >= OFFICIAL_LEVEL and not is_first_party:
        raise ApiError(
            ErrorCode.FORBIDDEN,
            f"trust_level: {OFFICIAL_LEVEL} is for the operator's own cargos, with the scope {Scope.ADMIN.value}",
        )
    artifact = await edge.services.artifacts.get(manifest.artifact.digest)
    cargo = manifest.cargo(caller.account_id, artifact)
    command = PublishCargo(cargo=cargo, now_ms=clock.now_ms(), is_first_party=is_first_party)
    handled = await publish(edge.services.handler, command, origin_of(caller, request_id))
    await edge.settle(CARGOS, handled.position)
    shape = {
        "slug": cargo.spec.slug,
        "version": cargo.spec.version,
        "artifact_digest": cargo.spec.artifact_digest,
        "trust_level": handled.state.trust_level,
    }
    return answer({**shape, "data": shape}, status=201, position=handled.position)
