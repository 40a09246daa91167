"""The models there are, as OpenAI's clients list them: every cargo that can be called."""

from typing import Annotated, Final

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers import answer
from api.authorization import Reader
from api.chat_request import MODEL_CHARACTERS_MAX
from api.edge import CARGOS, Edge
from api.models import model_not_found, model_shape, slug_named
from api.openai_route import OpenAiRoute
from api.request_fields import After, slug_of
from api.schemas.model import Model, Models

MODELS_MAX: Final = 1_000

router = APIRouter(prefix="/models", tags=["models"], route_class=OpenAiRoute)


@router.get("", response_model=Models)
async def list_models(_: Reader, edge: Edge, after: After = None) -> Response:
    """List the cargos that can be called as models, newest first."""
    await edge.catch_up(CARGOS, after)
    page = await edge.services.reads.cargos(limit=MODELS_MAX)
    return answer({"object": "list", "data": [model_shape(row) for row in page.rows if not row.is_disabled]})


@router.get("/{model}", response_model=Model)
async def get_model(
    model: Annotated[str, Path(max_length=MODEL_CHARACTERS_MAX)], _: Reader, edge: Edge
) -> Response:
    """Get one model, by a cargo's slug or by a name that stands for one."""
    slug = slug_of(slug_named(edge.services.settings, model))
    row = None if slug is None else await edge.services.reads.cargo(slug)
    if row is None:
        raise model_not_found(model)
    return answer(model_shape(row))
