"""The document of the fabric: which messages islands and coordinator exchange on NATS."""

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import answer
from api.authorization import Anyone
from api.edge import Edge

router = APIRouter(tags=["documents"])


@router.get("/asyncapi")
@router.get("/api/v1/asyncapi.json")
async def get_asyncapi(edge: Edge, _: Anyone) -> Response:
    """Get the AsyncAPI document."""
    return answer(edge.services.asyncapi())
