"""What a client may send on the WebSocket, and the codes it is closed with."""

from enum import IntEnum
from typing import Final

import msgspec

from api.request_fields import POSITION_MAX

FRAME_CHARACTERS_MAX: Final = 64 * 1024


class CloseCode(IntEnum):
    BAD_FRAME = 4400
    UNAUTHENTICATED = 4401
    REVOKED = 4403
    TOO_SLOW = 4408
    TOO_MANY = 4429


class Authenticate(msgspec.Struct, tag="auth", tag_field="type", frozen=True):
    """With a key or with a ticket."""

    key: str = ""
    ticket: str = ""


class Subscribe(msgspec.Struct, tag="subscribe", tag_field="type", frozen=True):
    """`after` resumes behind that position; without it a snapshot comes first."""

    id: str
    topic: str
    job_id: str | None = None
    host_id: str | None = None
    workload: str | None = None
    category: str | None = None
    after: int | None = None


class Unsubscribe(msgspec.Struct, tag="unsubscribe", tag_field="type", frozen=True):
    id: str


class Ping(msgspec.Struct, tag="ping", tag_field="type", frozen=True):
    pass


Frame = Authenticate | Subscribe | Unsubscribe | Ping
DECODER: Final = msgspec.json.Decoder(Frame)


class BadFrame(ValueError):
    """The frame is none of ours. The message says what is wrong with it."""


def frame_of(text: str) -> Frame:
    """Raises `BadFrame`."""
    if len(text) > FRAME_CHARACTERS_MAX:
        raise BadFrame(f"at most {FRAME_CHARACTERS_MAX} characters")
    try:
        frame: Frame = DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise BadFrame(str(error)) from error
    if isinstance(frame, Subscribe) and not 0 <= (frame.after or 0) <= POSITION_MAX:
        raise BadFrame("after: a position is not below 0")
    return frame
