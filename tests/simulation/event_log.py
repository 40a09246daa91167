"""The log as the simulated servers keep it, and the door through which one program reaches it.

The same promises as `commands.event_log`, the same contract as `tests/memory_log.py`, but made for speed: a commit is
not encoded, and everybody who listens hears of it in the same turn.
"""

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Sequence
from operator import attrgetter
from typing import Any, Final

from commands.event_log import CommandReused, Commit, Conflict, LogUnavailable, Origin, Past
from tests.simulation.line import Line

READ_BATCH_MAX: Final = 200
ANSWER_AWAITED_S: Final = 2.0
POSITION: Final = attrgetter("position")


class LogServer:
    """Where commits are kept. `heard` is called with each of them, before anybody else can see it."""

    def __init__(self, now_ms: Callable[[], int], heard: Callable[[Commit], None]) -> None:
        self.commits: list[Commit] = []
        self.by_stream: dict[str, list[Commit]] = {}
        self._now_ms = now_ms
        self._heard = heard

    def behind(self, stream: str, version: int) -> Sequence[Commit]:
        commits = self.by_stream.get(stream, [])
        return commits[bisect_right(commits, version, key=POSITION) :]

    def append(self, stream: str, events: Sequence[Any], *, expected: int, origin: Origin) -> int:
        if newer := self.behind(stream, expected):
            return self.position_of_own(newer[0], events, origin)
        return self.write(stream, events, origin)

    def position_of_own(self, found: Commit, events: Sequence[Any], origin: Origin) -> int:
        """The position of the commit that stands where this one would, if it is the same one sent again."""
        if found.origin.command_id != origin.command_id:
            raise Conflict(found.stream)
        if found.events != tuple(events):
            raise CommandReused(origin.command_id)
        return found.position

    def write(self, stream: str, events: Sequence[Any], origin: Origin) -> int:
        commit = Commit(
            position=len(self.commits) + 1,
            stream=stream,
            events=tuple(events),
            recorded_at_ms=self._now_ms(),
            origin=origin,
        )
        self.commits.append(commit)
        self.by_stream.setdefault(stream, []).append(commit)
        self._heard(commit)
        return commit.position


class LogClient:
    """Keeps `commands.event_log.EventLog` for one program: every call is an await at which it may die."""

    def __init__(self, server: LogServer, line: Line) -> None:
        self._server = server
        self._line = line

    async def load(self, stream: str, *, after: int = 0) -> Past:
        await self._line.cross()
        newer = self._server.behind(stream, after)
        events = tuple(event for commit in newer for event in commit.events)
        return Past(events=events, version=newer[-1].position if newer else after)

    async def first(self, stream: str) -> Commit | None:
        await self._line.cross()
        return next(iter(self._server.behind(stream, 0)), None)

    async def history(self, stream: str) -> Sequence[Commit]:
        await self._line.cross()
        return self._server.behind(stream, 0)

    async def append(self, stream: str, events: Sequence[Any], *, expected: int, origin: Origin) -> int:
        """An answer that is lost is asked for again, as the adapter does; now and then that answer is lost too."""
        await self._line.cross()
        if self._line.is_unavailable():
            raise LogUnavailable(stream)
        position = self._server.append(stream, events, expected=expected, origin=origin)
        if self._line.loses_answer():
            await self._line.cross(after_s=ANSWER_AWAITED_S)
            if self._line.is_unavailable():
                raise LogUnavailable(stream)
            position = self._retry(stream, events, expected=expected, origin=origin)
        await self._line.cross_back()
        return position

    def _retry(self, stream: str, events: Sequence[Any], *, expected: int, origin: Origin) -> int:
        return self._server.append(stream, events, expected=expected, origin=origin)

    async def read(self, *, after: int, up_to: int | None = None) -> AsyncIterator[Sequence[Commit]]:
        end = len(self._server.commits) if up_to is None else up_to
        while batch := self._server.commits[after : min(end, after + READ_BATCH_MAX)]:
            await self._line.cross()
            yield batch
            after = batch[-1].position

    async def last_position(self) -> int:
        await self._line.cross()
        return len(self._server.commits)
