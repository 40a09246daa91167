"""Following a job's output to its end, through interruptions of every kind.

Used by `archipelago job follow`, `job submit --follow` and the demo. The coordinator may be restarted meanwhile: the
stream is opened again behind the last event that was shown. Each place is remembered before the next event is read, so
whoever is interrupted goes on at the exact line.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol
from urllib.parse import quote

from cli.coordinator import Coordinator, Unreachable
from cli.failure import CommandFailed
from cli.server_events import ServerEvent, StreamUnreadable, server_events

AWAY_MAX_S: Final = 60.0
"""How long a coordinator may be away before following it is given up."""
STEADY_S: Final = 5.0
"""A stream that was open for so long was a good one, even if the job had nothing to say."""
PAUSE_S: Final = 0.5
INTERRUPTED: Final = "unavailable"
"""The coordinator says so where its own servers fail it in mid-stream; the job goes on."""


class PieceKind(StrEnum):
    """What a stream tells."""

    CHUNK = "chunk"  # Some of the output.
    STATE = "state"  # The job moved.
    PROGRESS = "progress"  # A step of a known total.
    RESTARTED = "restarted"  # Forget the output so far: another attempt says something else.
    COMPLETE = "complete"  # The end.
    ERROR = "error"  # The end of a job that failed.


class Place(Protocol):
    """Where a reader is. `cli.bookmark` keeps it on disk."""

    def read(self) -> str: ...

    def write(self, place: str) -> None: ...

    def remove(self) -> None: ...


class Forgotten:
    """A place that lasts as long as the command."""

    def __init__(self) -> None:
        self._place = ""

    def read(self) -> str:
        return self._place

    def write(self, place: str) -> None:
        self._place = place

    def remove(self) -> None:
        self._place = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a job's stream; `fields` are those of the event."""

    kind: PieceKind
    fields: dict[str, Any]

    @property
    def text(self) -> str:
        """The output itself; empty in every kind but chunk."""
        return str(self.fields.get("content", "")) if self.kind is PieceKind.CHUNK else ""

    @property
    def is_end(self) -> bool:
        return self.kind in {PieceKind.COMPLETE, PieceKind.ERROR}

    @property
    def is_interruption(self) -> bool:
        """Whether the stream broke off although the job goes on."""
        return self.kind is PieceKind.ERROR and self.fields.get("error") == INTERRUPTED


async def follow(coordinator: Coordinator, job_id: str, place: Place) -> AsyncIterator[Piece]:
    """Every piece behind `place`, and then those to come, until the job ends. Raises CommandFailed.

    The place is set behind a piece when the next one is asked for.
    """
    path = f"/jobs/{quote(job_id, safe='')}/stream?format=events"
    patience = Patience()
    while True:
        try:
            async with coordinator.lines(path, last_event_id=place.read()) as lines:
                patience.opened()
                async for event in server_events(lines):
                    piece = piece_of(event)
                    if piece.is_interruption:
                        break
                    yield piece
                    if piece.is_end:
                        place.remove()
                        return
                    if event.id:
                        place.write(event.id)
                    patience.heard()
        except Unreachable:
            if patience.is_over:
                raise
        except StreamUnreadable as error:
            raise CommandFailed(f"coordinator: {error}", next_step="check --url") from error
        if patience.is_over:
            raise CommandFailed(
                f"coordinator: breaks off the output of {job_id} again and again",
                next_step="look at `archipelago job get`, or ask whoever runs the coordinator",
            )
        await asyncio.sleep(PAUSE_S)


class Patience:
    """When to give up a coordinator: nothing was heard for AWAY_MAX_S, and no connection was steady meanwhile."""

    def __init__(self) -> None:
        self._well_at_s = time.monotonic()
        self._opened_at_s: float | None = None

    def opened(self) -> None:
        """A stream was opened."""
        self._opened_at_s = time.monotonic()

    def heard(self) -> None:
        """Something was told."""
        self._well_at_s = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Asked when a stream has ended before the job."""
        now = time.monotonic()
        if self._opened_at_s is not None and now - self._opened_at_s > STEADY_S:
            self._well_at_s = now
        self._opened_at_s = None
        return now - self._well_at_s > AWAY_MAX_S


def piece_of(event: ServerEvent) -> Piece:
    """Raises StreamUnreadable."""
    try:
        kind, fields = PieceKind(event.kind), json.loads(event.data)
    except ValueError as error:
        raise StreamUnreadable(f"its stream holds what is none of ours: {error}") from error
    if not isinstance(fields, dict):
        raise StreamUnreadable(f"an event {kind} of its stream holds no JSON object")
    return Piece(kind, fields)
