"""The event log with its marked fields readable, for whoever shows events to people or hands them to islands.

The write side works on the sealed log: what it keeps of an event or copies from it stays unreadable. Made in the
composition roots.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from adapters.field_cipher import FieldCipher
from commands.event_log import Commit, EventLog, Origin, Past


class RevealedLog:
    """Keeps `commands.event_log.EventLog`; every method raises as that of the log behind it."""

    def __init__(self, log: EventLog, cipher: FieldCipher) -> None:
        self._log = log
        self._cipher = cipher

    async def load(self, stream: str, *, after: int = 0) -> Past:
        past = await self._log.load(stream, after=after)
        return replace(past, events=tuple(await self._cipher.revealed(past.events)))

    async def first(self, stream: str) -> Commit | None:
        commit = await self._log.first(stream)
        return None if commit is None else (await revealed_commits(self._cipher, [commit]))[0]

    async def history(self, stream: str) -> Sequence[Commit]:
        return await revealed_commits(self._cipher, await self._log.history(stream))

    async def append(self, stream: str, events: Sequence[Any], *, expected: int, origin: Origin) -> int:
        return await self._log.append(stream, events, expected=expected, origin=origin)

    async def read(self, *, after: int, up_to: int | None = None) -> AsyncIterator[Sequence[Commit]]:
        async for commits in self._log.read(after=after, up_to=up_to):
            yield await revealed_commits(self._cipher, commits)

    async def last_position(self) -> int:
        return await self._log.last_position()


async def revealed_commits(cipher: FieldCipher, commits: Sequence[Commit]) -> Sequence[Commit]:
    """The same commits; those without a sealed field are the very same."""
    events = iter(await cipher.revealed([event for commit in commits for event in commit.events]))
    readable = [tuple(next(events) for _ in commit.events) for commit in commits]
    return [
        commit
        if all(new is old for new, old in zip(found, commit.events, strict=True))
        else replace(commit, events=found)
        for commit, found in zip(commits, readable, strict=True)
    ]
