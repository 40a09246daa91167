"""Who may speak: an island as the intake needs it before it believes a word.

Called by the check of claims. Looks at the state in memory first and at the log before it says no, because an island
may have been enrolled, paired or given another key through another coordinator a moment ago.
"""

from commands.handle import CommandHandler
from domain.claim import ClaimRejected, ClaimRejection
from domain.ids import IslandId
from domain.island import ISLAND
from domain.island_state import Island, Membership


class Senders:
    def __init__(self, handler: CommandHandler) -> None:
        self._handler = handler

    async def sender(self, island_id: IslandId, *, is_greeting: bool) -> Island:
        """The island that says something. Raises `ClaimRejected(unknown_island)` where it has no right to.

        `is_greeting`: a registration or a heartbeat, which an island that waits for its pairing may send too.
        """
        island = await self._handler.recent_state(ISLAND, island_id)
        if may_speak(island, is_greeting=is_greeting):
            return island
        return await self.sender_anew(island_id, is_greeting=is_greeting)

    async def sender_anew(self, island_id: IslandId, *, is_greeting: bool) -> Island:
        """The same, as the log has it now."""
        island = await self._handler.state(ISLAND, island_id)
        if not may_speak(island, is_greeting=is_greeting):
            raise ClaimRejected(ClaimRejection.UNKNOWN_ISLAND, f"the island is {island.membership}")
        return island


def may_speak(island: Island, *, is_greeting: bool) -> bool:
    return island.is_paired or (is_greeting and island.membership is Membership.PENDING)
