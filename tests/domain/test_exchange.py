"""A cargo's exchange: one snapshot a window, and nothing is counted twice."""

from dataclasses import replace
from typing import Any, Final

import pytest

from domain.exchange import (
    EXCHANGE,
    Figures,
    RatesSnapshotted,
    TakeSnapshot,
    figures_of,
    window_end_ms,
)
from tests.examples import SLUG, T0_MS
from tests.scenario import Scenario, added

FIGURES: Final = figures_of([3, 1, 8, 4], [5], [2, 3])
exchange = Scenario(EXCHANGE)


def take(**fields: Any) -> TakeSnapshot:
    plain = TakeSnapshot(
        slug=SLUG,
        window_ends_ms=T0_MS,
        after=0,
        through=7,
        figures=FIGURES,
        by_region={"eu-west": FIGURES},
        now_ms=T0_MS + 1,
    )
    return replace(plain, **fields)


def taken(**fields: Any) -> RatesSnapshotted:
    plain = RatesSnapshotted(
        slug=SLUG,
        window_ends_ms=T0_MS,
        after=0,
        through=7,
        figures=FIGURES,
        by_region={"eu-west": FIGURES},
        snapshotted_at_ms=T0_MS + 1,
    )
    return replace(plain, **fields)


def test_a_window_is_written_down_once() -> None:
    exchange.given().when(take()).then(taken())
    exchange.given(taken()).when(take()).then_nothing()
    exchange.given(taken()).when(take(after=7, through=9)).then_nothing()


def test_a_snapshot_that_would_count_again_is_not_taken() -> None:
    later = T0_MS + 300_000
    exchange.given(taken()).when(take(window_ends_ms=later, after=0, through=9)).then_nothing()
    exchange.given(taken()).when(take(window_ends_ms=later, after=7, through=9)).then(
        taken(window_ends_ms=later, after=7, through=9)
    )


def test_a_quiet_window_is_written_down_where_the_last_one_was_not_quiet() -> None:
    quiet = figures_of([], [5], [])
    first = take(window_ends_ms=T0_MS + 1, after=7, through=8, figures=quiet)
    after_first = taken(window_ends_ms=T0_MS + 1, after=7, through=8, figures=quiet)
    exchange.given(taken()).when(first).then(after_first)
    again = replace(first, window_ends_ms=T0_MS + 2, after=8, through=9)
    exchange.given(taken(), after_first).when(again).then_nothing()
    exchange.given().when(take(figures=Figures())).then_nothing()


def test_the_same_trade_twice_is_news_both_times() -> None:
    later = take(window_ends_ms=T0_MS + 1, after=7, through=8)
    assert len(added(EXCHANGE, [taken()], later)) == 1


def test_figures_are_average_least_greatest_and_middle() -> None:
    assert figures_of([3, 1, 8, 4], [5], [2, 3]) == Figures(
        jobs_cleared=4,
        avg_micro=4,
        min_micro=1,
        max_micro=8,
        median_micro=3,
        open_asks=1,
        avg_ask_micro=5,
        open_bids=2,
        avg_bid_micro=2,
    )
    assert figures_of([], [], []) == Figures()


@pytest.mark.parametrize(("at_ms", "end_ms"), [(0, 0), (299_999, 0), (300_000, 300_000), (650_000, 600_000)])
def test_the_window_that_is_over(at_ms: int, end_ms: int) -> None:
    assert window_end_ms(at_ms) == end_ms


def test_the_rate_is_that_of_the_last_window_with_a_trade_while_it_is_not_too_old() -> None:
    quiet = taken(window_ends_ms=T0_MS + 300_000, after=7, through=9, figures=figures_of([], [5], []))
    state = EXCHANGE.evolve(EXCHANGE.evolve(EXCHANGE.initial, taken()), quiet)
    assert state.rate_micro(T0_MS - 1) == FIGURES.median_micro
    assert state.rate_micro(T0_MS) is None
    assert EXCHANGE.initial.rate_micro(0) is None
