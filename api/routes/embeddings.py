"""Embeddings in OpenAI's language: one job for all texts of a call."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers import answer
from api.authorization import Writer
from api.edge import Edge
from api.embedding_request import EmbeddingRequest, vectors_in
from api.model_call import ModelCall, begin_call, unexpected, while_there
from api.models import embedding_model
from api.openai_route import OpenAiRoute
from api.request_fields import IdempotencyKey, RequestId
from api.schemas.model import Embeddings
from api.shapes.chat import usage_of

router = APIRouter(prefix="/embeddings", tags=["models"], route_class=OpenAiRoute)


@router.post("", response_model=Embeddings)
async def embed(
    *,
    body: EmbeddingRequest,
    request: Request,
    caller: Writer,
    edge: Edge,
    request_id: RequestId,
    key: IdempotencyKey = None,
) -> Response:
    """Turn texts into vectors, in the order of the texts."""
    model = await embedding_model(edge, body.model)
    call = await begin_call(edge, caller, model.spec.slug, body.cargo_input(), request_id=request_id, key=key)
    return answer(await while_there(request, call, embedded(call, body)))


async def embedded(call: ModelCall, body: EmbeddingRequest) -> dict[str, object]:
    vectors = vectors_in(await call.text())
    if vectors is None or len(vectors) != len(body.input):
        raise unexpected(call.row, f"{len(body.input)} embeddings")
    usage = usage_of(call.row) or {"prompt_tokens": 0}
    prompt_tokens = usage["prompt_tokens"]
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": body.encoded(vector)}
            for index, vector in enumerate(vectors)
        ],
        "model": call.row.cargo_slug,
        "usage": {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens},
        "job_id": call.row.job_id,
    }
