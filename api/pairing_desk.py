"""What islands are told at the edge, and what becomes of a flood: the decisions behind `adapters.nats.edge`.

Made by `api.coordinator`. Everything it answers follows from the island's own facts, so any coordinator answers alike.
"""

import logging
from typing import Final

from adapters import clock
from adapters.nats.edge import Flood
from adapters.postgres.pairing_codes import PairingCodes
from adapters.wire import ALREADY_PAIRED, SUSPENDED, PairingAnswer
from commands.event_log import Origin
from commands.handle import CommandHandler
from domain.ids import IslandId
from domain.island import ISLAND
from domain.island_commands import PenalizeFlood
from domain.island_state import Island, Membership
from domain.rejection import Rejected

NOT_A_MEMBER: Final = "this island has no place here any more; join again"
GUARD: Final = "guard"

log = logging.getLogger(__name__)


class PairingDesk:
    """`pair_url` is the page on which a person types in the code."""

    def __init__(self, handler: CommandHandler, codes: PairingCodes, pair_url: str) -> None:
        self._handler = handler
        self._codes = codes
        self._pair_url = pair_url

    async def pairing(self, island_id: IslandId) -> PairingAnswer:
        """A code for an island that waits for its owner; for any other why it gets none."""
        island = await self._handler.state(ISLAND, island_id)
        if refusal := refusal_of(island):
            return PairingAnswer(success=False, error=refusal)
        now_ms = clock.now_ms()
        issued = await self._codes.code_of(island_id, now_ms=now_ms)
        return PairingAnswer(
            success=True,
            code=issued.code,
            expires_in_seconds=max(0, issued.expires_at_ms - now_ms) // 1000,
            pair_url=self._pair_url,
        )

    async def penalize(self, flood: Flood) -> None:
        command = PenalizeFlood(
            island_id=flood.island_id,
            flood_id=flood.flood_id,
            messages_per_s=flood.messages_per_s,
            now_ms=clock.now_ms(),
        )
        origin = Origin(command_id=clock.new_id(), actor=GUARD)
        try:
            await self._handler.handle(ISLAND, flood.island_id, command, origin=origin)
        except Rejected as rejected:  # Nobody to penalize, today or when it is asked again.
            log.warning("flood_of_nobody", extra={"island_id": flood.island_id, "answer": str(rejected)})


def refusal_of(island: Island) -> str | None:
    match island.membership:
        case Membership.PENDING | Membership.PAIRED if island.is_suspended:
            return SUSPENDED
        case Membership.PENDING:
            return None
        case Membership.PAIRED:
            return ALREADY_PAIRED
        case Membership.UNKNOWN | Membership.REVOKED | Membership.REMOVED:
            return NOT_A_MEMBER
