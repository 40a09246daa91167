"""Answers in OpenAI's language. `job_id` is ours: the job that did it."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict


class Model(TypedDict):
    """A cargo that can be called as a model; `created` is Unix seconds."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(TypedDict):
    """The models there are, newest first."""

    object: Literal["list"]
    data: list[Model]


class ChatReply(TypedDict):
    """What the model said."""

    role: Literal["assistant"]
    content: str


class ChatChoice(TypedDict):
    """`length` where the most tokens that were asked for had come."""

    index: int
    message: ChatReply
    finish_reason: Literal["stop", "length"]


class ChatUsage(TypedDict):
    """Tokens, counted by the cargo or estimated."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(TypedDict):
    """A whole answer. With `stream` it comes as events instead, in chunks of OpenAI's form."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: NotRequired[ChatUsage]
    job_id: str


class Embedding(TypedDict):
    """One vector: numbers, or base64 of little-endian floats where that was asked for."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingUsage(TypedDict):
    """Tokens of the texts."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(TypedDict):
    """Vectors in the order of the texts."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage
    job_id: str


class ImageData(TypedDict):
    """The bytes of an image."""

    b64_json: str


class GeneratedImage(TypedDict):
    """An image; `created` is Unix seconds."""

    created: int
    data: list[ImageData]
    output_format: str
    job_id: str
