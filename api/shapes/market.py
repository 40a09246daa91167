"""The market as clients read it. Prices are decimal strings in our fields and numbers in those the SDKs know.

A price is for one unit of the cargo's price: a job, a second, a token or a million of fuel.
"""

from typing import Any, Final

from api.market_board import Suggestion
from api.shapes.amounts import decimal_text, number
from api.shapes.present import instant, maybe_instant, present
from domain.cargo_spec import CargoSpec
from domain.exchange import Figures
from projections.exchange import RateRow
from projections.market_rows import Book, HistoryStep, Level, MarketRow, average_micro

USD_PER_CREDIT: Final = 0.01
LEVELS_SHOWN_MAX: Final = 50


def price(micro: int | None) -> str | None:
    return None if micro is None else decimal_text(micro)


def maybe_number(micro: int | None) -> float | None:
    return None if micro is None else number(micro)


def dollars(micro: int | None) -> str | None:
    """What credits are worth, as text. One credit is about a cent."""
    return None if micro is None else f"{number(micro) * USD_PER_CREDIT:.6f}".rstrip("0").rstrip(".")


def market_row_shape(row: MarketRow) -> dict[str, Any]:
    return present(
        {
            "workload": {"id": row.created_position, "name": row.name, "slug": row.slug},
            "current_rate": price(row.rate_micro),
            "current_rate_usd": dollars(row.rate_micro),
            "supply": row.supply,
            "demand": row.demand,
            "jobs_cleared": row.jobs_cleared,
            "workload_slug": row.slug,
            "avg_price": maybe_number(row.avg_micro),
            "min_price": maybe_number(row.min_micro),
            "max_price": maybe_number(row.max_micro),
            "num_hosts": row.supply,
            "timestamp": maybe_instant(row.window_ends_ms),
        }
    )


def rate_shape(cargo: CargoSpec, last: RateRow | None, book: Book) -> dict[str, Any]:
    """One cargo: what was cleared in the last window with trade, and what is open now."""
    cleared = {} if last is None else cleared_shape(last)
    return present(
        {
            "workload_slug": cargo.slug,
            "price_unit": cargo.price_unit,
            "default_price": decimal_text(cargo.price_micro),
            "active_asks": sum(level.count for level in book.asks),
            "active_bids": book.waiting,
            "avg_ask_price": price(average_micro(book.asks)),
            "avg_bid_price": price(average_micro(book.bids)),
            "jobs_cleared": 0,
            **cleared,
            "avg_price": maybe_number(last.avg_micro if last else None),
            "min_price": maybe_number(last.min_micro if last else None),
            "max_price": maybe_number(last.max_micro if last else None),
            "num_hosts": sum(level.count for level in book.asks),
        }
    )


def cleared_shape(last: RateRow) -> dict[str, Any]:
    return {
        "avg_clearing_price": price(last.avg_micro),
        "min_clearing_price": price(last.min_micro),
        "max_clearing_price": price(last.max_micro),
        "median_clearing_price": price(last.median_micro),
        "jobs_cleared": last.jobs_cleared,
        "snapshot_at": instant(last.window_ends_ms),
        "timestamp": instant(last.window_ends_ms),
        "usd_equivalent": dollars(last.median_micro),
        "regions": {region: region_shape(figures) for region, figures in last.by_region.items()},
    }


def window_shape(row: RateRow) -> dict[str, Any]:
    """One cargo in one window, as it was written down."""
    return present(
        {
            "workload_slug": row.slug,
            "active_asks": row.open_asks,
            "active_bids": row.open_bids,
            "avg_ask_price": price(row.avg_ask_micro),
            "avg_bid_price": price(row.avg_bid_micro),
            **cleared_shape(row),
        }
    )


def region_shape(figures: Figures) -> dict[str, Any]:
    return present(
        {
            "jobs_cleared": figures.jobs_cleared,
            "avg_clearing_price": price(figures.avg_micro),
            "median_clearing_price": price(figures.median_micro),
            "active_asks": figures.open_asks,
            "active_bids": figures.open_bids,
        }
    )


def step_shape(cargo: CargoSpec, step: HistoryStep) -> dict[str, Any]:
    return present(
        {
            "avg_ask_price": price(step.avg_ask_micro),
            "avg_bid_price": price(step.avg_bid_micro),
            "avg_clearing_price": price(step.avg_micro),
            "active_asks": step.open_asks,
            "active_bids": step.open_bids,
            "jobs_cleared": step.jobs_cleared,
            "snapshot_at": instant(step.ends_ms),
            "workload_slug": cargo.slug,
            "avg_price": maybe_number(step.avg_micro),
            "min_price": maybe_number(step.min_micro),
            "max_price": maybe_number(step.max_micro),
            "num_hosts": step.open_asks,
            "timestamp": instant(step.ends_ms),
        }
    )


def book_shape(cargo: CargoSpec, book: Book) -> dict[str, Any]:
    return {
        "workload_slug": cargo.slug,
        "price_unit": cargo.price_unit,
        "asks": [
            level_shape(level, "hosts") | {"free_slots": level.free_slots}
            for level in book.asks[:LEVELS_SHOWN_MAX]
        ],
        "bids": [level_shape(level, "jobs") for level in book.bids[:LEVELS_SHOWN_MAX]],
        "free_slots": book.free_slots,
        "waiting": book.waiting,
    }


def level_shape(level: Level, counted: str) -> dict[str, Any]:
    return {"price": decimal_text(level.price_micro), counted: level.count}


def suggestion_shape(cargo: CargoSpec, found: Suggestion, ask_micro: int | None) -> dict[str, Any]:
    return present(
        {
            "workload_slug": cargo.slug,
            "price_unit": cargo.price_unit,
            "rate": decimal_text(found.rate_micro),
            "suggested_bid": decimal_text(found.bid.bid_micro),
            "suggested_ask": price(ask_micro),
            "surge": found.bid.is_surge,
            "waiting": found.waiting,
            "free_slots": found.free_slots,
        }
    )
