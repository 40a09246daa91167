"""What the coordinator says on the WebSocket, frame by frame: the one source of what is sent and of what AsyncAPI says.

Made by the topics and sent by `api.subscriptions`, which puts the subscription's id in front: a frame that many clients
are told is encoded once, and only its id differs. Positions are those of the log, of an `output` frame those of the
output stream.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

ENCODER: Final = msgspec.json.Encoder()
Kind = Literal["token", "progress", "final"]
Op = Literal["put", "delete"]


class Ready(msgspec.Struct, tag="ready", tag_field="type", frozen=True):
    """Authenticated. `position` is where the log stands."""

    position: int


class Pong(msgspec.Struct, tag="pong", tag_field="type", frozen=True):
    """The answer to `ping`."""


class Unsubscribed(msgspec.Struct, tag="unsubscribed", tag_field="type", frozen=True):
    """No frame of this subscription follows."""


class Snapshot(msgspec.Struct, tag="snapshot", tag_field="type", frozen=True):
    """A page of what there is, up to 100 rows. `last` ends the snapshot; `position` resumes behind it."""

    position: int
    rows: Sequence[Any]
    last: bool


class Row(msgspec.Struct, frozen=True):
    """One row as it is now. `index` counts the rows of one position; `delete` carries the row's id alone."""

    position: int
    index: int
    op: Op
    row: Any


class Change(msgspec.Struct, tag="change", tag_field="type", frozen=True):
    """One row changed."""

    position: int
    index: int
    op: Op
    row: Any


class Changes(msgspec.Struct, tag="changes", tag_field="type", frozen=True):
    """Several rows changed in one tick, in the order of their places. `position` is the last one's."""

    position: int
    rows: Sequence[Row]


class Output(msgspec.Struct, tag="output", tag_field="type", frozen=True, omit_defaults=True):
    """A piece of a job's output: a text with its number, a step of a total, or the word that this was all."""

    position: int
    attempt: int
    kind: Kind
    seq: int | msgspec.UnsetType = msgspec.UNSET
    content: str | msgspec.UnsetType = msgspec.UNSET
    step: int | msgspec.UnsetType = msgspec.UNSET
    total: int | msgspec.UnsetType = msgspec.UNSET


class Restarted(msgspec.Struct, tag="restarted", tag_field="type", frozen=True):
    """Forget the output so far: this attempt tells another."""

    attempt: int


class End(msgspec.Struct, tag="end", tag_field="type", frozen=True):
    """The job or batch has ended in `state`, and so has the subscription."""

    state: str


class Gap(msgspec.Struct, tag="gap", tag_field="type", frozen=True):
    """The position asked for cannot be resumed: a snapshot follows. `oldest` could have been."""

    oldest: int


class Failed(msgspec.Struct, tag="error", tag_field="type", frozen=True):
    """The subscription does not begin, or ends. Codes are those of the HTTP answers."""

    code: str
    message: str


SocketFrame = Ready | Pong
SubscriptionFrame = Unsubscribed | Snapshot | Change | Changes | Output | Restarted | End | Gap | Failed


def text_of(frame: SocketFrame | SubscriptionFrame) -> str:
    return ENCODER.encode(frame).decode()


def with_id(subscription_id: str, text: str) -> str:
    """The frame as one subscription gets it."""
    return f'{{"id":{ENCODER.encode(subscription_id).decode()},{text[1:]}'


def encoded(row: Row) -> bytes:
    return ENCODER.encode(row)


def changes_frame(rows: Sequence[bytes], position: int) -> str:
    """One encoded row as `change`, several as `changes`, without an id. `position` is the last row's."""
    if len(rows) == 1:
        return f'{{"type":"change",{rows[0].decode()[1:]}'
    return f'{{"type":"changes","position":{position},"rows":[{b",".join(rows).decode()}]}}'
