"""The event log as a list in memory, held to the same contract as the one on JetStream.

What is read back has been through the codec, as it would be on the wire, and every call lets other tasks run first, so
that races happen here too. `now_ms` is the time that new commits are recorded at.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from typing import Any, Final

from adapters import codec
from commands.event_log import CommandReused, Commit, Conflict, Origin, Past

READ_BATCH_MAX: Final = 3


class MemoryEventLog:
    def __init__(self, *, now_ms: int = 0) -> None:
        self.now_ms = now_ms
        self.commits: list[Commit] = []
        self._by_stream: dict[str, list[Commit]] = {}

    async def load(self, stream: str, *, after: int = 0) -> Past:
        await asyncio.sleep(0)
        newer = self._behind(stream, after)
        events = tuple(event for commit in newer for event in commit.events)
        return Past(events=events, version=newer[-1].position if newer else after)

    async def first(self, stream: str) -> Commit | None:
        await asyncio.sleep(0)
        return next(iter(self._behind(stream, 0)), None)

    async def history(self, stream: str) -> Sequence[Commit]:
        await asyncio.sleep(0)
        return self._behind(stream, 0)

    async def append(self, stream: str, events: Sequence[Any], *, expected: int, origin: Origin) -> int:
        await asyncio.sleep(0)
        stored = codec.decode(codec.encode(events))
        newer = self._behind(stream, expected)
        if newer:
            return position_of_own(newer[0], stored, origin)
        commit = Commit(
            position=len(self.commits) + 1,
            stream=stream,
            events=stored,
            recorded_at_ms=self.now_ms,
            origin=origin,
        )
        self.commits.append(commit)
        self._by_stream.setdefault(stream, []).append(commit)
        return commit.position

    async def read(self, *, after: int, up_to: int | None = None) -> AsyncIterator[Sequence[Commit]]:
        while batch := list(islice(self.commits, after, stop(after, up_to))):
            await asyncio.sleep(0)
            yield batch
            after = batch[-1].position

    async def last_position(self) -> int:
        await asyncio.sleep(0)
        return len(self.commits)

    def _behind(self, stream: str, version: int) -> list[Commit]:
        return [commit for commit in self._by_stream.get(stream, ()) if commit.position > version]


def stop(after: int, up_to: int | None) -> int:
    """Where a batch ends at the latest."""
    return after + READ_BATCH_MAX if up_to is None else min(after + READ_BATCH_MAX, up_to)


def position_of_own(found: Commit, events: tuple[Any, ...], origin: Origin) -> int:
    """The position of the commit that stands where ours would, if it is ours."""
    if found.origin.command_id != origin.command_id:
        raise Conflict(found.stream)
    if found.events != events:
        raise CommandReused(origin.command_id)
    return found.position
