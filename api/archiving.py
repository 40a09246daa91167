"""The worker that keeps the archive: whatever the log takes is copied a moment later, byte by byte.

Run by `api.coordinator` on the one that leads. It goes on where the archive ends, so a crash costs nothing.
"""

from typing import Final

from adapters.nats.event_tail import EventTail
from adapters.nats.raw_log import RawLog
from adapters.postgres.archive import CommitArchive

GATHERING_S: Final = 0.25
"""A copy may be that much behind; commits that come together are written together."""


async def keep_archive(archive: CommitArchive, raw_log: RawLog, tail: EventTail) -> None:
    """Copies until cancelled."""
    position = await archive.last_position()
    async for commits in tail.follow(position, gathering_s=GATHERING_S):
        async for batch in raw_log.read(after=position, up_to=commits[-1].position):
            await archive.add(batch)
            position = batch[-1].position
