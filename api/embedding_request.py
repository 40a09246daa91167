"""An embeddings call as OpenAI's clients make it, the input it becomes, and the vectors in a cargo's answer."""

import base64
import json
import struct
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from api.chat_request import CONTENT_CHARACTERS_MAX, Model

TEXTS_MAX: Final = 256
FLOAT_32_MAX: Final = 3.4e38


def texts_of(texts: Any) -> Any:
    return [texts] if isinstance(texts, str) else texts


def not_chosen(dimensions: int | None) -> int | None:
    if dimensions is not None:
        raise ValueError("cannot be chosen: every model has one length; leave it out")
    return dimensions


Text = Annotated[str, Field(min_length=1, max_length=CONTENT_CHARACTERS_MAX)]
Texts = Annotated[
    list[Text],
    BeforeValidator(texts_of, json_schema_input_type=Text | list[Text]),
    Field(min_length=1, max_length=TEXTS_MAX),
]


class EmbeddingRequest(BaseModel):
    model: Model = "default"
    input: Texts
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int | None, AfterValidator(not_chosen)] = None

    def cargo_input(self) -> dict[str, Any]:
        """One text as every embedding cargo takes it; several as those that take several."""
        return {"text": self.input[0]} if len(self.input) == 1 else {"texts": self.input}

    def encoded(self, vector: list[float]) -> list[float] | str:
        """As numbers, or as OpenAI packs them: base64 over 32-bit floats, lowest byte first."""
        if self.encoding_format == "float":
            return vector
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def vectors_in(output: str) -> list[list[float]] | None:
    """The embeddings a cargo put out, in the order of the texts; None where it said something else.

    One JSON object for each text, one behind the other: `embedding` with the numbers, `index` where there are several.
    """
    try:
        objects = list(json_values(output))
        found = {one.get("index", 0): vector_of(one["embedding"]) for one in objects}
        return [found[index] for index in range(len(objects))]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def vector_of(numbers: list[Any]) -> list[float]:
    """Raises `ValueError` where one of them is no 32-bit float."""
    vector = [float(number) for number in numbers]
    if not all(abs(number) <= FLOAT_32_MAX for number in vector):
        raise ValueError("beyond what 32 bits hold")
    return vector


def json_values(text: str) -> Iterator[Any]:
    """The JSON values that follow each other in `text`. Raises `ValueError`."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        value, at = decoder.raw_decode(text, at)
        yield value
