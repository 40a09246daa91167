"""An exported file as a past that reports read, with nothing running.

The file is read from its beginning for every question; what no one asked for is passed over before it is decoded.
"""

import hashlib
from array import array
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from adapters import codec
from adapters.log_export import ExportDamaged, glance_over, read_header
from adapters.nats import subjects
from adapters.nats.event_log import origin_of
from commands.event_log import Commit
from commands.raw_commit import RawCommit
from commands.reports.past_log import EVERY_CATEGORY

BATCH: Final = 1_000


class PartialExport(Exception):
    """It does not begin with the first commit of the log, so no balance can be told from it."""


class ExportedLog:
    """Every method raises `ExportDamaged`, `codec.Unknown` and `OSError`."""

    def __init__(self, path: Path) -> None:
        """Raises `PartialExport`, too."""
        header = read_header(path)
        if header.first > 1:
            raise PartialExport(f"it begins at position {header.first}")
        self._path = path
        self._last: Final = header.last

    async def last_position(self) -> int:
        return self._last

    async def first_at(self, at_ms: int) -> int | None:
        times = self._recorded_at_ms
        return next((position for position, time in enumerate(times, start=1) if time >= at_ms), None)

    @cached_property
    def _recorded_at_ms(self) -> "array[int]":
        """By position from 1 on, eight bytes a commit."""
        return array("q", (one.glance.recorded_at_ms for one in glance_over(self._path)))

    async def read_category(
        self, category: str, *, after: int, up_to: int
    ) -> AsyncIterator[Sequence[Commit]]:
        prefix = "evt." if category == EVERY_CATEGORY else f"evt.{category}."
        for commits in self._read(lambda subject: subject.startswith(prefix), after, up_to):
            yield commits

    async def read_streams(
        self, streams: Collection[str], *, after: int, up_to: int
    ) -> AsyncIterator[Sequence[Commit]]:
        wanted = frozenset(f"evt.{stream}" for stream in streams)
        for commits in self._read(wanted.__contains__, after, up_to):
            yield commits

    def _read(self, is_wanted: Callable[[str], bool], after: int, up_to: int) -> Iterator[list[Commit]]:
        batch: list[Commit] = []
        for one in glance_over(self._path):
            if one.glance.position > up_to:
                break
            if one.glance.position > after and is_wanted(one.glance.subject):
                batch.append(commit_of(one.commit()))
            if len(batch) >= BATCH:
                yield batch
                batch = []
        if batch:
            yield batch


def commit_of(raw: RawCommit) -> Commit:
    """Decoded. Raises `codec.Unknown`, and `ExportDamaged` where the body is not the one that its writer hashed."""
    if hashlib.sha256(raw.body).hexdigest() != raw.headers.get(subjects.BODY_HASH):
        raise ExportDamaged(f"position {raw.position}: the body is not what its writer hashed")
    return Commit(
        position=raw.position,
        stream=raw.subject.removeprefix("evt."),
        events=codec.decode(raw.body),
        recorded_at_ms=raw.recorded_at_ms,
        origin=origin_of(dict(raw.headers)),
    )
