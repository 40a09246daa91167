"""Answers that are no JSON, or may be: files and streams, by their media type."""

from collections.abc import Iterable
from typing import Any, Final

EVENT_STREAM: Final = "text/event-stream"
ZIP: Final = "application/zip"
BYTES: Final = "application/octet-stream"


def media(*types: str) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that answers 200 in one of these media types."""
    return {200: {"content": {one: {"schema": form_of(one)} for one in types}}}


def other_media(types: Iterable[str]) -> dict[int | str, dict[str, Any]]:
    """The same beside JSON, from names with a charset behind them."""
    plain = [one.partition(";")[0] for one in types]
    return media(*(one for one in plain if one != "application/json"))


def form_of(media_type: str) -> dict[str, str]:
    is_text = media_type.startswith("text/")
    return {"type": "string"} if is_text else {"type": "string", "format": "binary"}
