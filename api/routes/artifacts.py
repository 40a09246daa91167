"""Artifacts: the bytes of cargos, stored and fetched by their digest.

Anybody may fetch, for islands check the digest and know it from the job; only keys with the scope `write` may store.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from adapters.nats.artifacts import DigestMismatch
from api.answers import answer
from api.authorization import Anyone, Writer
from api.edge import Edge
from api.errors import ApiError, ErrorCode, invalid, not_found
from api.schemas.cargo import StoredArtifact
from api.schemas.forms import with_data
from api.schemas.media import BYTES, media

CACHE_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}

router = APIRouter(prefix="/artifacts", tags=["artifacts"])

PathDigest = Annotated[str, Path(pattern=r"^sha256:[0-9a-f]{64}$")]


@router.put("/{digest}", status_code=201, response_model=with_data(StoredArtifact))
async def put_artifact(digest: PathDigest, request: Request, edge: Edge, _: Writer) -> Response:
    """Store an artifact of at most 32 MiB. Its digest is computed and compared."""
    if edge.uploads.locked():
        raise ApiError(ErrorCode.UNAVAILABLE, "as many uploads as fit are under way; repeat in a moment")
    async with edge.uploads:
        content = await request.body()
        try:
            await edge.services.artifacts.put(digest, content)
        except DigestMismatch:
            raise invalid("digest", "is not the SHA-256 of the body") from None
    shape = {"digest": digest, "size_bytes": len(content)}
    return answer({**shape, "data": shape}, status=201)


@router.get("/{digest}", response_model=None, response_class=Response, responses=media(BYTES))
async def get_artifact(digest: PathDigest, edge: Edge, _: Anyone) -> Response:
    """Fetch an artifact."""
    content = await edge.services.artifacts.get(digest)
    if content is None:
        raise not_found(f"artifact {digest}")
    return Response(
        content, media_type="application/octet-stream", headers={**CACHE_FOR_EVER, "ETag": f'"{digest}"'}
    )
