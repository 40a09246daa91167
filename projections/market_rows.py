"""What the read model answers about the market: cargos with their rates, steps of a history, levels of an order book.

Built by `projections.read_model` from rows of several projections. Prices are micro-credits for one unit of a cargo's
price, None where nothing was traded, asked or bid.
"""

from dataclasses import dataclass
from typing import Final

from domain.ids import CargoSlug

LEVELS_MAX: Final = 1_000  # Prices of one side of an order book that are read; a market has few.


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRow:
    """One cargo that can be run. `supply` islands would run it, `demand` jobs wait for it."""

    slug: CargoSlug
    created_position: int
    name: str
    runtime: str
    rate_micro: int | None
    avg_micro: int | None
    min_micro: int | None
    max_micro: int | None
    window_ends_ms: int | None
    jobs_cleared: int
    supply: int
    demand: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryStep:
    """What happened on a cargo's market until `ends_ms`, since the step before."""

    ends_ms: int
    jobs_cleared: int
    avg_micro: int | None
    min_micro: int | None
    max_micro: int | None
    open_asks: int
    avg_ask_micro: int | None
    open_bids: int
    avg_bid_micro: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How many islands ask this price, with so many slots free, or how many jobs bid it."""

    price_micro: int
    count: int
    free_slots: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Who would sell, the cheapest first, and who waits to buy, the highest bid first."""

    asks: tuple[Level, ...]
    bids: tuple[Level, ...]

    @property
    def free_slots(self) -> int:
        return sum(level.free_slots for level in self.asks)

    @property
    def waiting(self) -> int:
        return sum(level.count for level in self.bids)


def average_micro(levels: tuple[Level, ...]) -> int | None:
    """The average price of all who ask or bid, rounded down."""
    count = sum(level.count for level in levels)
    return sum(level.price_micro * level.count for level in levels) // count if count else None
