"""A past in a list, for reports: the same promises as the log on JetStream and the exported file."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Final

from commands.event_log import Commit
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
