"""Who is told to fetch which cargo, when jobs begin to wait for it.

Asked again and again by a worker of the leading coordinator. What it remembers is a convenience: a coordinator that has
just begun to lead may tell an island once more, which costs the island nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from domain.demand import Demand, recommended
from domain.ids import CargoSlug, IslandId
from domain.placement import Offer

TOLD_PAUSE_MS: Final = 5 * 60_000  # An island is told of one cargo, and of another no sooner.


@dataclass(frozen=True, slots=True, kw_only=True)
class Preload:
    """One island, and the cargo it should have at hand."""

    island_id: IslandId
    demand: Demand


class Preloading:
    def __init__(self) -> None:
        self._queued: dict[CargoSlug, int] = {}
        self._told_ms: dict[IslandId, int] = {}

    def rising(self, demands: Sequence[Demand]) -> list[Demand]:
        """Those that more jobs wait for than at the last look."""
        before, self._queued = self._queued, {demand.cargo.slug: demand.queued for demand in demands}
        return [demand for demand in demands if demand.queued > before.get(demand.cargo.slug, 0)]

    def due(self, rising: Sequence[Demand], offers: Iterable[Offer], now_ms: int) -> list[Preload]:
        """At most one for an island, and for a cargo no more islands than jobs wait for it."""
        self._told_ms = {
            island: at_ms for island, at_ms in self._told_ms.items() if now_ms - at_ms < TOLD_PAUSE_MS
        }
        wanted = {demand.cargo.slug: demand.queued for demand in rising}
        preloads: list[Preload] = []
        for offer in offers:
            if not any(wanted.values()):
                break
            if offer.active_jobs or offer.island_id in self._told_ms:
                continue
            for demand in recommended(offer, rising, now_ms):
                if wanted[demand.cargo.slug]:
                    wanted[demand.cargo.slug] -= 1
                    self._told_ms[offer.island_id] = now_ms
                    preloads.append(Preload(island_id=offer.island_id, demand=demand))
                    break
        return preloads
