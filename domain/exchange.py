"""The exchange of one cargo: every few minutes its rates are written down, so that they can be looked back at.

Commands come from `commands.processes.exchanging`. What was cleared counts once: a snapshot says up to which position
of the log it has counted, and the next one goes on from there, whoever takes it. A settlement that is late for a
window belongs to the next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median_low
from typing import Final, assert_never

from domain.decider import Decider
from domain.ids import CargoSlug

SNAPSHOT_EVERY_MS: Final = 5 * 60_000
RATE_VALID_MS: Final = 24 * 3_600_000  # An older clearing price is no market rate any more.


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A cargo's market in numbers, all prices in micro-credits for one unit of the cargo's price.

    Prices are None where nothing was cleared, asked or bid. Averages are rounded down.
    """

    jobs_cleared: int = 0
    avg_micro: int | None = None
    min_micro: int | None = None
    max_micro: int | None = None
    median_micro: int | None = None
    open_asks: int = 0
    avg_ask_micro: int | None = None
    open_bids: int = 0
    avg_bid_micro: int | None = None


NOTHING: Final = Figures()


def figures_of(cleared: Sequence[int], asks: Sequence[int], bids: Sequence[int]) -> Figures:
    """The figures of these prices."""
    return Figures(
        jobs_cleared=len(cleared),
        avg_micro=average(cleared),
        min_micro=min(cleared, default=None),
        max_micro=max(cleared, default=None),
        median_micro=median_low(cleared) if cleared else None,
        open_asks=len(asks),
        avg_ask_micro=average(asks),
        open_bids=len(bids),
        avg_bid_micro=average(bids),
    )


def average(prices: Sequence[int]) -> int | None:
    return sum(prices) // len(prices) if prices else None


def window_end_ms(at_ms: int) -> int:
    """The end of the last window that was over at an instant."""
    return at_ms - at_ms % SNAPSHOT_EVERY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesSnapshotted:
    """A window is over. `by_region` are the same figures by the region of the islands, where they told one.

    What was cleared behind position `after` up to `through` is counted, whatever window it fell into.
    """

    slug: CargoSlug
    window_ends_ms: int
    after: int
    through: int
    figures: Figures
    by_region: Mapping[str, Figures]
    snapshotted_at_ms: int


ExchangeEvent = RatesSnapshotted


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeSnapshot:
    slug: CargoSlug
    window_ends_ms: int
    after: int
    through: int
    figures: Figures
    by_region: Mapping[str, Figures]
    now_ms: int


ExchangeCommand = TakeSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """`traded_median_micro` is the median price of the last window with a trade, which ended at `traded_at_ms`."""

    window_ends_ms: int = 0
    through: int = 0
    figures: Figures = NOTHING
    traded_median_micro: int | None = None
    traded_at_ms: int = 0

    def rate_micro(self, since_ms: int) -> int | None:
        """What the cargo cost when it was traded last; None where that was before `since_ms`."""
        return self.traded_median_micro if self.traded_at_ms > since_ms else None


def decide(exchange: Exchange, command: ExchangeCommand) -> list[ExchangeEvent]:
    is_taken = command.window_ends_ms <= exchange.window_ends_ms
    counts_again = command.after != exchange.through
    is_quiet = not command.figures.jobs_cleared and command.figures == exchange.figures
    if is_taken or counts_again or is_quiet:
        return []
    return [
        RatesSnapshotted(
            slug=command.slug,
            window_ends_ms=command.window_ends_ms,
            after=command.after,
            through=command.through,
            figures=command.figures,
            by_region=command.by_region,
            snapshotted_at_ms=command.now_ms,
        )
    ]


def evolve(exchange: Exchange, event: ExchangeEvent) -> Exchange:
    match event:
        case RatesSnapshotted():
            seen = replace(
                exchange,
                window_ends_ms=event.window_ends_ms,
                through=event.through,
                figures=event.figures,
            )
            if not event.figures.jobs_cleared:
                return seen
            return replace(
                seen,
                traded_median_micro=event.figures.median_micro,
                traded_at_ms=event.window_ends_ms,
            )
        case _:
            assert_never(event)


EXCHANGE: Decider[ExchangeCommand, Exchange, ExchangeEvent] = Decider("exchange", Exchange(), decide, evolve)
