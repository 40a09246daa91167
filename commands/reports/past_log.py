"""What a report needs of a log: a past that it can read by time, by category and by aggregate.

Provided by `adapters.nats.past_log` on a running log and by `adapters.exported_log` on an exported file. How commits
are found is theirs to choose; both are held to the same contract, and a report of either is the same report.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final, Protocol

from commands.event_log import Commit

EVERY_CATEGORY: Final = "*"


class PastLog(Protocol):
    async def last_position(self) -> int:
        """The position of the newest commit, 0 where there is none."""
        ...

    async def first_at(self, at_ms: int) -> int | None:
        """The position of the first commit recorded at or after that time; None where there is none."""
        ...

    def read_category(self, category: str, *, after: int, up_to: int) -> AsyncIterator[Sequence[Commit]]:
        """Every commit of one category, or of every one, behind `after` up to `up_to`, in order, batch by batch."""
        ...

    def read_streams(
        self, streams: Collection[str], *, after: int, up_to: int
    ) -> AsyncIterator[Sequence[Commit]]:
        """Every commit of these aggregates there; those of one aggregate in order, aggregates in any."""
        ...
