"""Models as OpenAI's clients name them: a cargo's slug, or one of the names that stand for the configured cargo."""

from typing import Any, Final

from api.edge import EdgeState
from api.errors import ApiError, ErrorCode
from api.job_submission import runnable_cargo
from api.settings import Settings
from domain.cargo_spec import CargoVersion
from projections.cargos import CargoRow

CHAT_NAMES: Final = frozenset({"default", "mistral-7b", "gpt-3.5-turbo"})
EMBEDDING_NAMES: Final = frozenset(
    {"default", "text-embedding-ada-002", "text-embedding-3-small", "text-embedding-3-large"}
)
IMAGE_NAMES: Final = frozenset({"default", "dall-e-2", "dall-e-3"})


async def chat_model(edge: EdgeState, model: str) -> CargoVersion:
    """Raises `ApiError` (model_not_found, cargo_disabled), as the others do."""
    return await cargo_called(edge, edge.services.settings.chat_cargo if model in CHAT_NAMES else model)


async def embedding_model(edge: EdgeState, model: str) -> CargoVersion:
    return await cargo_called(
        edge, edge.services.settings.embedding_cargo if model in EMBEDDING_NAMES else model
    )


async def image_model(edge: EdgeState, model: str) -> CargoVersion:
    return await cargo_called(edge, edge.services.settings.image_cargo if model in IMAGE_NAMES else model)


async def cargo_called(edge: EdgeState, slug: str) -> CargoVersion:
    try:
        return await runnable_cargo(edge, slug)
    except ApiError as error:
        if error.code is not ErrorCode.NOT_FOUND:
            raise
        raise model_not_found(slug) from error


def model_not_found(model: str) -> ApiError:
    return ApiError(
        ErrorCode.MODEL_NOT_FOUND,
        f"model: no cargo {model} in this network; see GET /v1/models",
        fields={"model": ["no such cargo"]},
    )


def slug_named(settings: Settings, model: str) -> str:
    """The cargo that a name stands for; a name of several kinds means the chat cargo."""
    for names, slug in (
        (CHAT_NAMES, settings.chat_cargo),
        (EMBEDDING_NAMES, settings.embedding_cargo),
        (IMAGE_NAMES, settings.image_cargo),
    ):
        if model in names:
            return slug
    return model


def model_shape(row: CargoRow) -> dict[str, Any]:
    return {
        "id": row.slug,
        "object": "model",
        "created": row.published_at_ms // 1000,
        "owned_by": "archipelag",
    }
