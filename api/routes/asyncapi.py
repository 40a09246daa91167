"""The AsyncAPI document: what islands and coordinator exchange on NATS, and the frames of the WebSocket."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import answer
from api.authorization import Anyone
from api.edge import Edge
from api.socket_document import with_socket

router = APIRouter(tags=["documents"])


@router.get("/asyncapi", response_model=dict[str, Any])
@router.get("/api/v1/asyncapi.json", response_model=dict[str, Any])
async def get_asyncapi(edge: Edge, _: Anyone) -> Response:
    """Get the AsyncAPI document."""
    return answer(with_socket(edge.services.asyncapi()))
