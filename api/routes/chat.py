"""Chat completions in OpenAI's language, whole or as a stream. Each is an ordinary job."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers import answer
from api.authorization import Writer
from api.chat_request import ChatRequest
from api.chat_stream import ChatStream
from api.edge import Edge
from api.model_call import ModelCall, begin_call, while_there
from api.models import chat_model
from api.openai_route import OpenAiRoute
from api.request_fields import IdempotencyKey, RequestId
from api.schemas.media import EVENT_STREAM, media
from api.schemas.model import ChatCompletion
from api.shapes.chat import completion, finish_reason
from api.stop_words import StopCutter

router = APIRouter(prefix="/chat", tags=["models"], route_class=OpenAiRoute)


@router.post("/completions", response_model=ChatCompletion, responses=media(EVENT_STREAM))
async def complete_chat(
    *,
    body: ChatRequest,
    request: Request,
    caller: Writer,
    edge: Edge,
    request_id: RequestId,
    key: IdempotencyKey = None,
) -> Response:
    """Ask a model. Without an island in time the job is cancelled and nothing is charged."""
    model = await chat_model(edge, body.model)
    cargo_input = body.input_for(model.spec.runtime)
    call = await begin_call(edge, caller, model.spec.slug, cargo_input, request_id=request_id, key=key)
    if not body.stream:
        return answer(await while_there(request, call, answered(call, body)))
    await while_there(request, call, call.taken())
    return ChatStream(call, caller, body)


async def answered(call: ModelCall, body: ChatRequest) -> dict[str, object]:
    text = await call.text()
    cutter = StopCutter(body.stop or ())
    shown = cutter.feed(text) + cutter.rest()
    reason = finish_reason(call.row, is_cut=cutter.is_cut, tokens_max=body.tokens_max)
    return completion(call.row, shown, reason)
