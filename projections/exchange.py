"""The market of every cargo as it was written down: one row a window, for rates now and for their history."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from commands.event_log import Commit
from domain.exchange import Figures, RatesSnapshotted
from domain.ids import CargoSlug
from projections import named_sql
from projections.contract import Transaction
from projections.live_batch import KnownRows, Write
from projections.table import Table

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """One window of one cargo. Prices are micro-credits for a unit of the cargo's price, None where there were none."""

    slug: CargoSlug
    window_ends_ms: int
    jobs_cleared: int
    avg_micro: int | None
    min_micro: int | None
    max_micro: int | None
    median_micro: int | None
    open_asks: int
    avg_ask_micro: int | None
    open_bids: int
    avg_bid_micro: int | None
    by_region: Mapping[str, Figures]
    position: int


def rate_row(event: RatesSnapshotted, position: int) -> RateRow:
    figures = event.figures
    return RateRow(
        slug=event.slug,
        window_ends_ms=event.window_ends_ms,
        jobs_cleared=figures.jobs_cleared,
        avg_micro=figures.avg_micro,
        min_micro=figures.min_micro,
        max_micro=figures.max_micro,
        median_micro=figures.median_micro,
        open_asks=figures.open_asks,
        avg_ask_micro=figures.avg_ask_micro,
        open_bids=figures.open_bids,
        avg_bid_micro=figures.avg_bid_micro,
        by_region=event.by_region,
        position=position,
    )


def rows_of(commits: Sequence[Commit]) -> Iterator[RateRow]:
    for commit in commits:
        for event in commit.events:
            if isinstance(event, RatesSnapshotted):
                yield rate_row(event, commit.position)


RATES: Final[Table[RateRow]] = Table(RateRow, "rates", key=("slug", "window_ends_ms"))


class Exchange:
    name = "exchange"
    version = 1
    concerns = frozenset({RatesSnapshotted})
    migrations = named_sql.migrations(SQL)
    tables: Mapping[str, tuple[str, ...]] = {RATES.name: RATES.key}

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        if rows := list(rows_of(commits)):
            await RATES.insert(tx, rows)

    async def writes(self, _tx: Transaction, commits: Sequence[Commit], _known: KnownRows) -> Sequence[Write]:
        return [Write(table=RATES, rows=list(rows_of(commits)), is_insert=True)]
