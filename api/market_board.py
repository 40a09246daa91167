"""The market as the routes show it: read now and then, not at every look, because anybody may look without a key.

Held by `api.edge`. Books and lists are a few seconds old at most, suggestions stand for half a minute.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from domain.cargo_spec import CargoSpec
from domain.exchange import RATE_VALID_MS
from domain.ids import CargoSlug
from domain.suggested_price import SURGE_KEPT_MS, SuggestedBid, suggested_bid
from projections.exchange import RateRow
from projections.market_rows import Book, MarketRow
from projections.read_model import ReadModel

BOOK_KEPT_MS: Final = 2_000
CARGOS_LISTED_MAX: Final = 100
KEPT_MAX: Final = 1_000  # Answers in memory; the oldest gives way.

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """`rate_micro` is the market's rate, or the cargo's default price where nothing was traded of late."""

    rate_micro: int
    bid: SuggestedBid
    waiting: int
    free_slots: int


class MarketBoard:
    def __init__(self, reads: ReadModel, now_ms: Callable[[], int]) -> None:
        self._reads = reads
        self._now_ms = now_ms
        self._kept: OrderedDict[str, tuple[int, Any]] = OrderedDict()

    async def cargos(self) -> list[MarketRow]:
        """The newest cargos that can be run, and what was traded of each in the last day."""
        return await self._keep("cargos", BOOK_KEPT_MS, self._read_cargos)

    async def book(self, cargo: CargoSpec) -> Book:
        return await self._keep(f"book {cargo.slug}", BOOK_KEPT_MS, lambda: self._reads.book(cargo))

    async def last_trade(self, slug: CargoSlug) -> RateRow | None:
        """The last window in which a cargo was traded, if that was within a day."""
        return await self._reads.last_trade(slug, self._now_ms() - RATE_VALID_MS)

    async def suggestion(self, cargo: CargoSpec) -> Suggestion:
        return await self._keep(f"suggestion {cargo.slug}", SURGE_KEPT_MS, lambda: self._suggest(cargo))

    async def _read_cargos(self) -> list[MarketRow]:
        return await self._reads.market(self._now_ms() - RATE_VALID_MS, CARGOS_LISTED_MAX)

    async def _suggest(self, cargo: CargoSpec) -> Suggestion:
        last, book = await self.last_trade(cargo.slug), await self._reads.book(cargo)
        rate_micro = last.median_micro if last and last.median_micro else cargo.price_micro
        return Suggestion(
            rate_micro=rate_micro,
            bid=suggested_bid(rate_micro, waiting=book.waiting, free_slots=book.free_slots),
            waiting=book.waiting,
            free_slots=book.free_slots,
        )

    async def _keep(self, name: str, kept_ms: int, read: Callable[[], Awaitable[T]]) -> T:
        """What was read last, unless that is longer ago."""
        known = self._kept.get(name)
        if known is not None and self._now_ms() - known[0] < kept_ms:
            found: T = known[1]
            return found
        fresh = await read()
        self._kept[name] = (self._now_ms(), fresh)
        self._kept.move_to_end(name)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return fresh
