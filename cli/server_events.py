"""Server-sent events, from lines to events. Source: the HTML standard, section 9.2.6; only what our coordinator sends.

Used by `cli.follow`. A comment line keeps the connection awake and means nothing.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

EVENT_CHARACTERS_MAX: Final = 16 * 1024 * 1024
"""More than one message of the fabric can hold; beyond it the server is not ours."""


class StreamUnreadable(Exception):
    """What came is not a stream of events."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """`id` is empty where the event cannot be resumed from."""

    kind: str
    data: str
    id: str


async def server_events(lines: AsyncIterator[str]) -> AsyncIterator[ServerEvent]:
    """The complete events of a response's lines; half an event at the end is dropped, and comes again on resuming.

    Raises StreamUnreadable.
    """
    kind, data, event_id = "message", list[str](), ""
    async for line in lines:
        if not line:
            if data:
                yield ServerEvent(kind, "\n".join(data), event_id)
            kind, data, event_id = "message", [], ""
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                kind = value
            case "data":
                data.append(value)
            case "id":
                event_id = value
            case _:
                continue
        if sum(map(len, data)) > EVENT_CHARACTERS_MAX:
            raise StreamUnreadable(f"one event is longer than {EVENT_CHARACTERS_MAX} characters")
