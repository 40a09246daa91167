"""Releases of the island program: published by operators, offered to the islands that run ours."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from adapters import clock
from adapters.file_signature import is_signed
from adapters.nats.artifacts import ARTIFACT_BYTES_MAX
from api.answers import answer
from api.authorization import Admin, Anyone
from api.edge import Edge, EdgeState, origin_of
from api.errors import ApiError, ErrorCode, invalid
from api.request_fields import ISLAND, RequestId
from api.schemas.forms import with_data
from api.schemas.host import AgentUpdate, PublishedRelease
from api.shapes.present import present
from api.strict_json import StrictRoute
from domain.release import PLATFORMS, RELEASE, VERSION, AgentRelease, PublishRelease, update_for

OUR_PROTOCOL: Final = 2  # Spoken by our own program alone.

router = APIRouter(tags=["hosts"], route_class=StrictRoute)

Platform = Literal[
    "linux-x86_64",
    "linux-aarch64",
    "darwin-x86_64",
    "darwin-aarch64",
    "windows-x86_64",
    "android-aarch64",
    "ios-aarch64",
]


class ReleaseRequest(BaseModel):
    """The file is uploaded before, with `PUT /artifacts/sha256:<checksum>`; `signature` is Ed25519 over it, in hex."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[str, StringConstraints(pattern=VERSION)]
    platform: Platform
    download_url: Annotated[str, StringConstraints(max_length=500, pattern=r"^https?://[^\s\x00-\x1f]+$")]
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
    checksum_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    size_bytes: Annotated[int, Field(ge=1, le=ARTIFACT_BYTES_MAX)]
    is_critical: bool = False
    release_notes: Annotated[str, StringConstraints(max_length=4_000, pattern=r"^[^\x00]*$")] = ""


@router.post("/admin/agent-releases", status_code=201, response_model=with_data(PublishedRelease))
async def publish_release(
    request: ReleaseRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Publish a release of the island program. Its checksum, size and signature are checked against the file."""
    await check_file(edge, request)
    release = AgentRelease(**request.model_dump())
    command = PublishRelease(release=release, now_ms=clock.now_ms())
    origin = origin_of(caller, request_id)
    handled = await edge.services.handler.handle(RELEASE, release.platform, command, origin=origin)
    shape = {**request.model_dump(), "is_newest": handled.state.newest == release}
    return answer({**shape, "data": shape}, status=201, position=handled.position)


async def check_file(edge: EdgeState, request: ReleaseRequest) -> None:
    """Raises `ApiError` (not_available, invalid)."""
    keys = edge.services.settings.release_keys
    if not keys:
        raise ApiError(ErrorCode.NOT_AVAILABLE, "no release key is set: ARCHIPELAGO_RELEASE_KEYS")
    digest = f"sha256:{request.checksum_sha256}"
    content = await edge.services.artifacts.get(digest)
    if content is None:
        raise invalid("checksum_sha256", f"upload the file first: PUT /artifacts/{digest}")
    if len(content) != request.size_bytes:
        raise invalid("size_bytes", f"the file has {len(content)} bytes")
    if not is_signed(content, request.signature, keys):
        raise invalid("signature", "must be Ed25519 over the file by a release key of this network, in hex")


@router.get("/agent/update", response_model=with_data(AgentUpdate))
async def get_update(
    *,
    _: Anyone,
    edge: Edge,
    version: Annotated[str, Query(max_length=40)] = "",
    platform: Annotated[str, Query(max_length=40)] = "",
    host_id: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Whether there is a newer release for this island. Only islands that run our program are offered one."""
    release = None
    if platform in PLATFORMS and await runs_our_program(edge, host_id):
        release = update_for(await edge.services.handler.state(RELEASE, platform), version)
    shape = update_shape(version, release)
    return answer({**shape, "data": shape})


async def runs_our_program(edge: EdgeState, host_id: str) -> bool:
    if not ISLAND.fullmatch(host_id):
        return False
    row = await edge.services.demands.island(host_id)
    return row is not None and not row.is_removed and not row.is_unsigned and row.protocol >= OUR_PROTOCOL


def update_shape(version: str, release: AgentRelease | None) -> dict[str, Any]:
    if release is None:
        return {"update_available": False, "current_version": version}
    return present(
        {
            "update_available": True,
            "current_version": version,
            "latest_version": release.version,
            "is_critical": release.is_critical,
            "download_url": release.download_url,
            "signature": release.signature,
            "checksum_sha256": release.checksum_sha256,
            "size_bytes": release.size_bytes,
            "release_notes": release.release_notes or None,
        }
    )
