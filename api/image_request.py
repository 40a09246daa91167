"""An image call as OpenAI's clients make it, the input it becomes, and the image in a cargo's answer."""

import re
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import BaseModel, Field, StringConstraints

from api.chat_request import CONTENT_CHARACTERS_MAX, Model, One

SIZE: Final = re.compile(r"([0-9]{1,4})x([0-9]{1,4})")


class ImageRequest(BaseModel):
    """`size` as `512x512`; without one the cargo decides. The image comes in the answer, never as a link."""

    model: Model = "default"
    prompt: Annotated[str, Field(min_length=1, max_length=CONTENT_CHARACTERS_MAX)]
    n: One = None
    size: Annotated[str | None, StringConstraints(pattern=rf"^(auto|{SIZE.pattern})$")] = None
    response_format: Literal["b64_json"] | None = None

    def cargo_input(self) -> dict[str, Any]:
        sides = SIZE.fullmatch(self.size or "")
        size = {"width": int(sides[1]), "height": int(sides[2])} if sides else {}
        return {"prompt": self.prompt, **size}


class Image(msgspec.Struct, kw_only=True):
    """An image as cargos put it out: base64, and what kind of file it is."""

    image_data: str
    format: str = "png"
    width: int | None = None
    height: int | None = None


def image_in(output: str) -> Image | None:
    """The image a cargo put out; None where it said something else."""
    try:
        return msgspec.json.decode(output, type=Image)
    except (msgspec.DecodeError, RecursionError):
        return None
