"""Pasts for reports: one in a list, which promises what the log on JetStream does, and an exported file."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from adapters import codec
from adapters.log_export import Header, write_export
from adapters.nats.event_log import headers_of
from commands.event_log import Commit
from commands.raw_commit import RawCommit
from commands.reports.past_log import EVERY_CATEGORY

BATCH: Final = 7


class ListedPast:
    def __init__(self, commits: Sequence[Commit]) -> None:
        self.commits = commits

    async def last_position(self) -> int:
        return self.commits[-1].position if self.commits else 0

    async def first_at(self, at_ms: int) -> int | None:
        return next((one.position for one in self.commits if one.recorded_at_ms >= at_ms), None)

    async def read_category(
        self, category: str, *, after: int, up_to: int
    ) -> AsyncIterator[Sequence[Commit]]:
        prefix = "" if category == EVERY_CATEGORY else f"{category}."
        for batch in self._read(lambda stream: stream.startswith(prefix), after, up_to):
            yield batch

    async def read_streams(
        self, streams: Collection[str], *, after: int, up_to: int
    ) -> AsyncIterator[Sequence[Commit]]:
        for batch in self._read(frozenset(streams).__contains__, after, up_to):
            yield batch

    def _read(self, is_wanted: Callable[[str], bool], after: int, up_to: int) -> list[Sequence[Commit]]:
        found = [one for one in self.commits if after < one.position <= up_to and is_wanted(one.stream)]
        return [found[first : first + BATCH] for first in range(0, len(found), BATCH)]


def raws_of(commits: Sequence[Commit]) -> list[RawCommit]:
    """Commits, from the first one on, as the log would have kept them."""
    versions: dict[str, int] = {}
    raws: list[RawCommit] = []
    for commit in commits:
        body = codec.encode(commit.events)
        headers = headers_of(commit.origin, body, versions.get(commit.stream, 0))
        versions[commit.stream] = commit.position
        raws.append(
            RawCommit(
                position=commit.position,
                subject=f"evt.{commit.stream}",
                headers=headers,
                body=body,
                recorded_at_ms=commit.recorded_at_ms,
            )
        )
    return raws


async def export(path: Path, commits: Sequence[RawCommit]) -> Path:
    """A file that holds these commits, which begin with the first of their log."""
    header = Header(first=1, last=len(commits), exported_at="2027-04-01T00:00:00Z")
    await write_export(path, header, in_one_batch(commits))
    return path


async def in_one_batch(commits: Sequence[RawCommit]) -> AsyncIterator[Sequence[RawCommit]]:
    yield commits
