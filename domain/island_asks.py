"""What an island asks for its work: told by its daemon, or set by its owner over the API.

Called by the island's decider. The newer of the two counts, cargo by cargo. A daemon repeats its asks with every
heartbeat, so only what it tells differently than before is newer.
"""

from collections.abc import Mapping
from typing import Final

from domain.ids import IslandId
from domain.island_commands import SetAsk
from domain.island_events import AsksChanged
from domain.island_state import Island
from domain.pricing import AMOUNT_MICRO_MAX
from domain.rejection import Rejected, Rejection

ASKS_MAX: Final = 1_000  # Cargos that one island has an ask of its own for.


def set_ask(island: Island, command: SetAsk) -> list[AsksChanged]:
    assert 0 < command.ask_micro <= AMOUNT_MICRO_MAX
    if command.owner_id != island.owner_id:
        raise Rejected(Rejection.OWNER_DIFFERS, f"island {command.island_id} belongs to another account")
    asks_micro = {**island.asks_micro, command.slug: command.ask_micro}
    if asks_micro == island.asks_micro:
        return []
    if len(asks_micro) > ASKS_MAX:
        raise Rejected(Rejection.ASKS_EXCEEDED, f"at most {ASKS_MAX} asks an island")
    return [changed(command.island_id, asks_micro, island.told_asks_micro, command.now_ms)]


def told_asks(
    island: Island, island_id: IslandId, asks_micro: Mapping[str, int], now_ms: int
) -> list[AsksChanged]:
    """What follows from the asks that a daemon tells, all of them at once."""
    before = island.told_asks_micro
    if asks_micro == before:
        return []
    news = {slug: ask for slug, ask in asks_micro.items() if before.get(slug) != ask}
    kept = {slug: ask for slug, ask in island.asks_micro.items() if slug in asks_micro or slug not in before}
    return [changed(island_id, {**kept, **news}, asks_micro, now_ms)]


def changed(
    island_id: IslandId, asks_micro: Mapping[str, int], told_micro: Mapping[str, int], now_ms: int
) -> AsksChanged:
    """Where the daemon's asks are all there is, they are not written twice."""
    return AsksChanged(
        island_id=island_id,
        asks_micro=asks_micro,
        changed_at_ms=now_ms,
        told_micro=None if told_micro == asks_micro else told_micro,
    )
