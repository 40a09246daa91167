"""What a cargo says on its standard output: one JSON object a line, told apart by `type`.

Read by `island.attempt`. A line that is none of these, or has no line feed, is no message and is dropped, as the
published islands do it. Fields that are not named here are ignored.
"""

from typing import Final

import msgspec


class StatusLine(msgspec.Struct, tag_field="type", tag="status"):
    message: str = ""


class TokenLine(msgspec.Struct, tag_field="type", tag="token"):
    content: str


class ProgressLine(msgspec.Struct, tag_field="type", tag="progress"):
    step: int
    total: int


class ResultLine(msgspec.Struct, tag_field="type", tag="result"):
    value: msgspec.Raw


class TokenUsage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class DoneLine(msgspec.Struct, tag_field="type", tag="done"):
    usage: TokenUsage | None = None


class ErrorLine(msgspec.Struct, tag_field="type", tag="error"):
    message: str


CargoLine = StatusLine | TokenLine | ProgressLine | ResultLine | DoneLine | ErrorLine

DECODER: Final = msgspec.json.Decoder(CargoLine)


def parse_line(line: bytes) -> CargoLine | None:
    """The message of one line, None where there is none."""
    if not line.endswith(b"\n"):
        return None
    try:
        said: CargoLine = DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return said
