"""Exchanging: every five minutes the market of each cargo that was traded, or that somebody waits for, is written down.

A planner. Its picture is who asks, who bids and what was cleared since the last snapshot. The exchange itself decides
whether a window was written down already, so two coordinators make no two snapshots of it. Runs that the network orders
itself, and second opinions, are no trade.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any, Final, get_args

from commands.event_log import Commit
from commands.fleet import offer_after
from commands.process import Order
from domain.account_events import HoldReleased, HoldSettled
from domain.cargo_events import CargoPublished
from domain.cargo_spec import CargoSpec
from domain.exchange import (
    EXCHANGE,
    NOTHING,
    Figures,
    RatesSnapshotted,
    TakeSnapshot,
    figures_of,
    window_end_ms,
)
from domain.ids import NETWORK_ACCOUNT, CargoSlug, IslandId, JobId
from domain.island_events import IslandEvent
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    JobAssigned,
    JobFailed,
    JobSubmitted,
    JobSucceeded,
)
from domain.metering import ask_limit_micro
from domain.placement import DEFAULT_ASK, Offer

CLEARINGS_KEPT_MAX: Final = (
    100_000  # Per cargo between two snapshots; figures of a window are of the first so many.
)
ISLAND_EVENTS: Final = get_args(IslandEvent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """A job whose hold is open. It bids while it waits."""

    slug: CargoSlug
    bid_micro: int
    region: str | None
    is_waiting: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """A unit was sold for this price, by an island of this region."""

    position: int
    at_ms: int
    price_micro: int
    region: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The last snapshot of a cargo."""

    through: int
    figures: Figures


@dataclass(slots=True)
class Picture:
    """Everything exchanging knows, as plain data that can be saved."""

    position: int = 0
    offers: dict[IslandId, Offer] = field(default_factory=dict)
    cargos: dict[CargoSlug, CargoSpec] = field(default_factory=dict)
    buyers: dict[JobId, Buyer] = field(default_factory=dict)
    cleared: dict[CargoSlug, list[Clearing]] = field(default_factory=dict)
    taken: dict[CargoSlug, Taken] = field(default_factory=dict)


class Exchanging:
    name = "exchanging"

    def __init__(self, picture: Picture | None = None) -> None:
        self.picture = picture or Picture()
        self._looked_at_ms = 0  # The end of the last window that was asked for.

    def take(self, commit: Commit) -> None:
        for event in commit.events:
            if isinstance(event, ISLAND_EVENTS):
                self._take_island(event)
            elif isinstance(event, HoldSettled):
                self._take_sale(event, commit)
            else:
                self._take(event)
        self.picture.position = commit.position

    def _take_island(self, event: Any) -> None:
        offer = offer_after(self.picture.offers.get(event.island_id), event)
        if offer is None:
            self.picture.offers.pop(event.island_id, None)
        else:
            self.picture.offers[event.island_id] = offer

    def _take_sale(self, event: HoldSettled, commit: Commit) -> None:
        buyer = self.picture.buyers.pop(event.job_id, None)
        if buyer is None:
            return
        sales = self.picture.cleared.setdefault(buyer.slug, [])
        seller = self.picture.offers.get(event.island_id)
        if len(sales) < CLEARINGS_KEPT_MAX:
            sale = Clearing(
                position=commit.position,
                at_ms=commit.recorded_at_ms,
                price_micro=event.unit_price_micro or event.charged_micro,
                region=seller.region if seller else None,
            )
            sales.append(sale)

    def _take(self, event: Any) -> None:
        picture = self.picture
        match event:
            case CargoPublished():
                picture.cargos[event.cargo.spec.slug] = event.cargo.spec
            case JobSubmitted() if is_trade(event):
                picture.buyers[event.job_id] = buyer_of(event)
            case JobAssigned() | JobSucceeded():
                self._wait(event.job_id, is_waiting=False)
            case AttemptLost() | AttemptFailed() | AttemptReturned():
                self._wait(event.job_id, is_waiting=True)
            case JobFailed() | HoldReleased():
                picture.buyers.pop(event.job_id, None)
            case RatesSnapshotted():
                rest = [one for one in picture.cleared.pop(event.slug, []) if one.position > event.through]
                if rest:
                    picture.cleared[event.slug] = rest
                picture.taken[event.slug] = Taken(through=event.through, figures=event.figures)
            case _:
                pass

    def _wait(self, job_id: JobId, *, is_waiting: bool) -> None:
        if job_id in self.picture.buyers:
            buyer = self.picture.buyers[job_id]
            self.picture.buyers[job_id] = replace(buyer, is_waiting=is_waiting)

    def plan(self, now_ms: int) -> Sequence[Order]:
        window_ms = window_end_ms(now_ms)
        if window_ms <= self._looked_at_ms:
            return []
        self._looked_at_ms = window_ms
        waiting: dict[CargoSlug, list[Buyer]] = {}
        for buyer in self.picture.buyers.values():
            if buyer.is_waiting:
                waiting.setdefault(buyer.slug, []).append(buyer)
        unsettled = {slug for slug, taken in self.picture.taken.items() if has_trade(taken.figures)}
        slugs = sorted(waiting.keys() | self.picture.cleared.keys() | unsettled)
        return [self._snapshot(slug, waiting.get(slug, []), window_ms, now_ms) for slug in slugs]

    def failed(self, order: Order) -> None:
        """Nothing to undo: what was sold stays here until a snapshot has counted it, if need be the next."""

    def _snapshot(self, slug: CargoSlug, bids: Sequence[Buyer], window_ms: int, now_ms: int) -> Order:
        kept = self.picture.cleared.get(slug, [])
        sales = list(takewhile(lambda sale: sale.at_ms < window_ms, kept))
        is_all = len(sales) == len(kept)
        last = self.picture.taken.get(slug)
        asks = list(self._asks(slug))
        regions = sorted(
            {region for region, _ in asks if region} | {one.region for one in sales if one.region}
        )
        command = TakeSnapshot(
            slug=slug,
            window_ends_ms=window_ms,
            after=last.through if last else 0,
            through=self.picture.position if is_all else kept[len(sales)].position - 1,
            figures=figures_of(prices(sales), [ask for _, ask in asks], [bid.bid_micro for bid in bids]),
            by_region={
                region: figures_of(
                    prices(sale for sale in sales if sale.region == region),
                    [ask for where, ask in asks if where == region],
                    [bid.bid_micro for bid in bids if bid.region == region],
                )
                for region in regions
            },
            now_ms=now_ms,
        )
        return Order(decider=EXCHANGE, aggregate_id=slug, command=command)

    def _asks(self, slug: CargoSlug) -> Iterable[tuple[str | None, int]]:
        """What is asked for a unit of a cargo and where, by every island that takes jobs and could run it."""
        cargo = self.picture.cargos.get(slug)
        if cargo is None:
            return
        for offer in self.picture.offers.values():
            if is_open(offer) and cargo.runtime in offer.scores:
                asks = offer.asks_micro
                yield offer.region, asks.get(slug, asks.get(DEFAULT_ASK, cargo.price_micro))


def is_trade(event: JobSubmitted) -> bool:
    is_chosen = event.check_id is not None or event.only_island is not None
    return not is_chosen and event.account_id != NETWORK_ACCOUNT


def buyer_of(event: JobSubmitted) -> Buyer:
    limit_micro = ask_limit_micro(
        event.cargo.price_unit,
        run_bid_micro=event.bid_micro // event.redundancy,
        unit_bid_micro=event.unit_bid_micro,
    )
    return Buyer(slug=event.cargo.slug, bid_micro=limit_micro, region=event.region)


def is_open(offer: Offer) -> bool:
    return offer.is_approved and offer.is_online and not (offer.is_draining or offer.is_suspended)


def has_trade(figures: Figures) -> bool:
    return figures != NOTHING and bool(figures.jobs_cleared or figures.open_bids)


def prices(sales: Iterable[Clearing]) -> list[int]:
    return [sale.price_micro for sale in sales]
