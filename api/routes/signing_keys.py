"""The keys that sign this network's cargos, for anybody who wants to check a signature. A bare list, as clients expect.

Read from their folder at each call: an operator changes keys without a restart.
"""

import asyncio
import logging

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from adapters.cosign_keys import KeyUnusable, read_cosign_keys
from api.authorization import Anyone
from api.edge import Edge, EdgeState
from api.errors import ApiError, ErrorCode
from api.schemas.network import SigningKey

ALGORITHM = "ecdsa-p256"
CACHE_S = 300

log = logging.getLogger(__name__)

router = APIRouter(prefix="/signing-keys", tags=["network"])
well_known_router = APIRouter(prefix="/.well-known/cosign-keys.json", tags=["network"])


@router.get("", response_model=list[SigningKey])
async def list_signing_keys(edge: Edge, _: Anyone) -> Response:
    """List the public keys that sign cargos."""
    return await keys_answer(edge)


@well_known_router.get("", response_model=list[SigningKey])
async def list_cosign_keys(edge: Edge, _: Anyone) -> Response:
    """The same under the name that signing tools look for."""
    return await keys_answer(edge)


async def keys_answer(edge: EdgeState) -> Response:
    settings = edge.services.settings
    folder = settings.cosign_keys
    try:
        keys = [] if folder is None else await asyncio.to_thread(read_cosign_keys, folder)
    except (KeyUnusable, OSError) as fault:
        log.warning("cosign_keys_unusable", extra={"error": str(fault)})
        raise ApiError(
            ErrorCode.UNAVAILABLE, "the operator has to repair the folder of signing keys"
        ) from fault
    rows = [
        {
            "key_id": key.key_id,
            "public_key": key.public_key_pem,
            "algorithm": ALGORITHM,
            "issuer": settings.public_url or None,
        }
        for key in keys
    ]
    present = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return Response(
        msgspec.json.encode(present),
        media_type="application/json",
        headers={"Access-Control-Allow-Origin": "*", "Cache-Control": f"public, max-age={CACHE_S}"},
    )
