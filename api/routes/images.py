"""Images in OpenAI's language: one job, one image, in the answer itself."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers import answer
from api.authorization import Writer
from api.edge import Edge
from api.image_request import ImageRequest, image_in
from api.model_call import ModelCall, begin_call, unexpected, while_there
from api.models import image_model
from api.openai_route import OpenAiRoute
from api.request_fields import IdempotencyKey, RequestId
from api.schemas.model import GeneratedImage

router = APIRouter(prefix="/images", tags=["models"], route_class=OpenAiRoute)


@router.post("/generations", response_model=GeneratedImage)
async def generate_image(
    *,
    body: ImageRequest,
    request: Request,
    caller: Writer,
    edge: Edge,
    request_id: RequestId,
    key: IdempotencyKey = None,
) -> Response:
    """Make an image from a text."""
    model = await image_model(edge, body.model)
    call = await begin_call(edge, caller, model.spec.slug, body.cargo_input(), request_id=request_id, key=key)
    return answer(await while_there(request, call, generated(call)))


async def generated(call: ModelCall) -> dict[str, object]:
    image = image_in(await call.text())
    if image is None:
        raise unexpected(call.row, "an image")
    return {
        "created": call.row.submitted_at_ms // 1000,
        "data": [{"b64_json": image.image_data}],
        "output_format": image.format,
        "job_id": call.row.job_id,
    }
