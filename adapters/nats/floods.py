"""Floods: what is done about claims that come faster than an island may make them.

Used by the claim mailbox. The claims themselves are dropped unseen; one record a second tells how many they were, and
an island that sends at least twice what it may is penalized, once in a minute however long it goes on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from adapters.claim_quota import CLAIMS_PER_S
from adapters.nats.rejected_claims import RejectedClaims
from domain.claim import ClaimRejected, ClaimRejection
from domain.ids import IslandId

GATHERED_S: Final = 1.0
PENALIZED_EVERY_MS: Final = 60_000
FLOOD_DROPPED_MIN: Final = CLAIMS_PER_S
"""Claims dropped in a second: with those that were taken, twice the quota."""

log = logging.getLogger(__name__)

Penalize = Callable[[IslandId, str, int, int], Awaitable[None]]
"""Island, id of the flood, messages a second, when (Unix ms)."""


@dataclass(slots=True)
class Dropped:
    """Claims of one island that were dropped since the last record; subject and position of the first."""

    subject: str
    stream: str
    position: int
    first_ms: int
    last_ms: int
    count: int = 0

    @property
    def messages_per_s(self) -> int:
        """How fast they were sent, those inside the quota included."""
        return CLAIMS_PER_S + self.count * 1_000 // max(1_000, self.last_ms - self.first_ms)


class Floods:
    def __init__(self, rejected: RejectedClaims, penalize: Penalize) -> None:
        self._rejected = rejected
        self._penalize = penalize
        self._dropped: dict[IslandId, Dropped] = {}
        self._recording: set[asyncio.Task[None]] = set()

    def count(self, island_id: IslandId, *, subject: str, stream: str, position: int, at_ms: int) -> None:
        """Counts one claim that was dropped. The first starts a second in which the others gather."""
        dropped = self._dropped.get(island_id)
        if dropped is None:
            dropped = self._dropped[island_id] = Dropped(subject, stream, position, at_ms, at_ms)
            task = asyncio.create_task(self._record_later(island_id), name=f"flood-{island_id[:8]}")
            self._recording.add(task)
            task.add_done_callback(self._recording.discard)
        dropped.count += 1
        dropped.last_ms = max(dropped.last_ms, at_ms)

    async def close(self) -> None:
        """Gives up what was not recorded yet."""
        for task in self._recording:
            task.cancel()
        await asyncio.gather(*self._recording, return_exceptions=True)

    async def _record_later(self, island_id: IslandId) -> None:
        await asyncio.sleep(GATHERED_S)
        dropped = self._dropped.pop(island_id)
        log.warning("claims_dropped", extra={"island_id": island_id, "count": dropped.count})
        try:
            await self._record(island_id, dropped)
        except Exception:
            # The next second of the flood records again; nobody waits for this one.
            log.exception("flood_not_recorded", extra={"island_id": island_id})

    async def _record(self, island_id: IslandId, dropped: Dropped) -> None:
        await self._rejected.keep(
            ClaimRejected(
                ClaimRejection.OVER_LIMIT,
                f"{dropped.count} claims dropped: at most {CLAIMS_PER_S} a second in the long run",
            ),
            island_id=island_id,
            job_id=None,
            subject=dropped.subject,
            stream=dropped.stream,
            position=dropped.position,
            at_ms=dropped.first_ms,
        )
        if dropped.count >= FLOOD_DROPPED_MIN:
            flood_id = f"{island_id}.{dropped.first_ms // PENALIZED_EVERY_MS}"
            await self._penalize(island_id, flood_id, dropped.messages_per_s, dropped.last_ms)
