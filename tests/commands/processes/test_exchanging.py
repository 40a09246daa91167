"""Exchanging: what is counted in which window, whoever looks and however often."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
import pytest

from commands.event_log import Commit
from commands.processes import exchanging
from commands.processes.exchanging import Exchanging, Picture
from domain.cargo_events import CargoPublished
from domain.exchange import EXCHANGE, Figures, TakeSnapshot, figures_of
from domain.ids import NETWORK_ACCOUNT, IslandId, JobId
from domain.island_events import DrainStarted
from tests import examples
from tests.examples import ISLAND, OTHER_ISLAND, PRICE_MICRO, SLUG, T0_MS
from tests.histories import History

WINDOW_MS: Final = 300_000


class Market(History):
    """A log whose commits reach two planners at once, and an exchange that decides what they ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.planners = (Exchanging(), Exchanging())
        self.add(f"cargo.{SLUG}", CargoPublished(cargo=examples.CARGO_VERSION, published_at_ms=T0_MS))

    def add(self, stream: str, *events: Any) -> Commit:
        commit = super().add(stream, *events)
        for planner in self.planners:
            planner.take(commit)
        return commit

    def at(self, windows: float) -> None:
        """The time, in windows after the beginning."""
        self.now_ms = T0_MS + round(windows * WINDOW_MS)

    def bid(self, number: int, **fields: Any) -> JobId:
        job_id = JobId(f"job-{number}")
        self.add(f"job.{job_id}", examples.submitted(job_id=job_id, **fields))
        return job_id

    def sell(self, number: int, price_micro: int, island_id: IslandId = ISLAND, **fields: Any) -> None:
        job_id = self.bid(number, **fields)
        self.add(f"job.{job_id}", examples.assigned(island_id, job_id=job_id))
        self.add(f"job.{job_id}", examples.succeeded(island_id, job_id=job_id))
        settled = examples.settled(job_id=job_id, island_id=island_id, unit_price_micro=price_micro)
        self.add("account.customer", settled)

    def plan(self, planner: int = 0) -> list[TakeSnapshot]:
        return [order.command for order in self.planners[planner].plan(self.now_ms)]

    def carry_out(self, commands: Sequence[TakeSnapshot]) -> list[Figures]:
        """The figures of the snapshots that the exchange took."""
        figures = []
        for command in commands:
            stream = EXCHANGE.stream(command.slug)
            past = [event for commit in self.commits if commit.stream == stream for event in commit.events]
            for event in EXCHANGE.decide(EXCHANGE.fold(past), command):
                self.add(stream, event)
                figures.append(event.figures)
        return figures

    def snapshot(self) -> list[Figures]:
        return self.carry_out(self.plan())


def test_a_window_is_asked_for_when_it_is_over_and_then_no_more() -> None:
    market = Market()
    assert market.plan() == []
    market.at(0.5)
    market.sell(1, 7)
    market.at(0.999)
    assert market.plan() == []
    market.at(1)
    assert [one.jobs_cleared for one in market.snapshot()] == [1]
    assert market.plan() == []


def test_two_coordinators_take_one_snapshot_of_a_window() -> None:
    market = Market()
    market.sell(1, 7)
    market.at(1)
    both = market.plan(0), market.plan(1)
    assert both[0] == both[1] != []
    assert [market.carry_out(commands) for commands in both] == [[figures(cleared=[7])], []]


def figures(cleared: list[int]) -> Figures:
    return figures_of(cleared, [], [])


def test_a_settlement_that_is_late_for_a_window_belongs_to_the_next() -> None:
    market = Market()
    market.sell(1, 7)
    market.at(1)
    asked = market.plan()
    market.now_ms -= 1  # It was recorded in the old window, but is read only now.
    market.sell(2, 9)
    market.at(1)
    assert market.carry_out(asked) == [figures(cleared=[7])]
    market.at(2)
    assert market.snapshot() == [figures(cleared=[9])]


def test_a_settlement_of_the_new_window_waits_for_its_end() -> None:
    market = Market()
    market.sell(1, 7)
    market.at(1)
    market.sell(2, 9)
    assert market.snapshot() == [figures(cleared=[7])]
    market.at(2)
    assert market.snapshot() == [figures(cleared=[9])]


def test_what_a_snapshot_missed_is_in_the_next() -> None:
    market = Market()
    market.sell(1, 7)
    market.at(1)
    assert len(market.plan()) == 1  # Asked for, and lost on the way.
    market.at(2)
    assert market.snapshot() == [figures(cleared=[7])]


def test_asks_and_bids_are_those_that_stand_when_the_window_ends() -> None:
    market = Market()
    market.add(f"island.{ISLAND}", *examples.ready_island(region="eu-west"))
    market.add(f"island.{OTHER_ISLAND}", *examples.ready_island(OTHER_ISLAND, region="us-east"))
    market.bid(1, bid_micro=3, region="eu-west")
    market.bid(2, bid_micro=5)
    job_id = market.bid(3, bid_micro=100)
    market.add(f"job.{job_id}", examples.assigned(job_id=job_id))
    market.sell(4, 9, OTHER_ISLAND)
    market.at(1)
    [command] = market.plan()
    assert (command.figures.open_asks, command.figures.avg_ask_micro) == (2, PRICE_MICRO)
    assert (command.figures.open_bids, command.figures.avg_bid_micro) == (2, 4)
    europe, america = command.by_region["eu-west"], command.by_region["us-east"]
    assert (europe.open_asks, europe.open_bids, europe.jobs_cleared) == (1, 1, 0)
    assert (america.open_asks, america.open_bids, america.median_micro) == (1, 0, 9)


def test_an_island_that_takes_no_jobs_asks_nothing() -> None:
    market = Market()
    market.add(f"island.{ISLAND}", *examples.ready_island())
    market.add(f"island.{ISLAND}", DrainStarted(island_id=ISLAND, drained_at_ms=T0_MS))
    market.bid(1)
    market.at(1)
    assert [command.figures.open_asks for command in market.plan()] == [0]


def test_a_job_bids_again_once_its_island_has_lost_it() -> None:
    market = Market()
    job_id = market.bid(1)
    market.add(f"job.{job_id}", examples.assigned(job_id=job_id))
    market.at(1)
    assert market.plan() == []
    market.add(f"job.{job_id}", replace(examples.lost(), job_id=job_id))
    market.at(2)
    assert [command.figures.open_bids for command in market.plan()] == [1]


def test_second_opinions_and_what_the_network_orders_are_no_trade() -> None:
    market = Market()
    market.sell(1, 7, check_id=JobId("job-0"))
    market.sell(2, 7, only_island=ISLAND)
    market.sell(3, 7, account_id=NETWORK_ACCOUNT)
    market.at(1)
    assert market.plan() == []


def test_figures_are_of_as_many_sales_as_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanging, "CLEARINGS_KEPT_MAX", 2)
    market = Market()
    for number in range(3):
        market.sell(number, 7)
    market.at(1)
    assert market.snapshot() == [figures(cleared=[7, 7])]


def test_a_restart_goes_on_from_the_saved_picture() -> None:
    market = Market()
    market.add(f"island.{ISLAND}", *examples.ready_island(region="eu-west"))
    market.sell(1, 7)
    saved = msgspec.json.encode(market.planners[0].picture)
    again = Exchanging(msgspec.json.decode(saved, type=Picture))
    market.at(1)
    assert [order.command for order in again.plan(market.now_ms)] == market.plan()
