"""Answers about the market. Prices are decimal texts in our fields and numbers in those that SDKs know."""

from typing import NotRequired

from typing_extensions import TypedDict

from api.schemas.fields import Credits, Instant
from domain.pricing import PriceUnit


class WorkloadName(TypedDict):
    """A cargo by its public number, its name and its slug."""

    id: int
    name: str
    slug: str


class MarketRow(TypedDict):
    """The market of one cargo in short."""

    workload: WorkloadName
    current_rate: NotRequired[Credits]
    current_rate_usd: NotRequired[str]
    supply: int
    demand: int
    jobs_cleared: int
    workload_slug: str
    avg_price: NotRequired[float]
    min_price: NotRequired[float]
    max_price: NotRequired[float]
    num_hosts: int
    timestamp: NotRequired[Instant]


class Rates(TypedDict):
    """The rates of all cargos, and what a credit is worth in dollars."""

    data: list[MarketRow]
    beta_mode: bool
    credit_peg_usd: str


class RegionRate(TypedDict):
    """What was cleared, asked and bid in one region."""

    jobs_cleared: int
    avg_clearing_price: NotRequired[Credits]
    median_clearing_price: NotRequired[Credits]
    active_asks: int
    active_bids: int


class Rate(TypedDict):
    """One cargo: what was cleared in the last window with trade, and what is asked and bid now."""

    workload_slug: str
    price_unit: PriceUnit
    default_price: Credits
    active_asks: int
    active_bids: int
    avg_ask_price: NotRequired[Credits]
    avg_bid_price: NotRequired[Credits]
    jobs_cleared: int
    avg_clearing_price: NotRequired[Credits]
    min_clearing_price: NotRequired[Credits]
    max_clearing_price: NotRequired[Credits]
    median_clearing_price: NotRequired[Credits]
    snapshot_at: NotRequired[Instant]
    timestamp: NotRequired[Instant]
    usd_equivalent: NotRequired[str]
    regions: NotRequired[dict[str, RegionRate]]
    avg_price: NotRequired[float]
    min_price: NotRequired[float]
    max_price: NotRequired[float]
    num_hosts: int


class RateAnswer(TypedDict):
    """A list of one for the published command line."""

    data: Rate | list[Rate]


class HistoryStep(TypedDict):
    """What was cleared, asked and bid up to `snapshot_at`."""

    avg_ask_price: NotRequired[Credits]
    avg_bid_price: NotRequired[Credits]
    avg_clearing_price: NotRequired[Credits]
    active_asks: int
    active_bids: int
    jobs_cleared: int
    snapshot_at: Instant
    workload_slug: str
    avg_price: NotRequired[float]
    min_price: NotRequired[float]
    max_price: NotRequired[float]
    num_hosts: int
    timestamp: Instant


class RateHistory(TypedDict):
    """Steps, oldest first."""

    workload_slug: str
    since: Instant
    data: list[HistoryStep]


class AskLevel(TypedDict):
    """Islands that ask the same, and the jobs they would take now."""

    price: Credits
    hosts: int
    free_slots: int


class BidLevel(TypedDict):
    """Jobs that wait and bid the same."""

    price: Credits
    jobs: int


class OrderBook(TypedDict):
    """Asks, the lowest first, and bids, the highest first."""

    workload_slug: str
    price_unit: PriceUnit
    asks: list[AskLevel]
    bids: list[BidLevel]
    free_slots: int
    waiting: int


class Suggestions(TypedDict):
    """What to bid now, and what the named island had better ask."""

    workload_slug: str
    price_unit: PriceUnit
    rate: Credits
    suggested_bid: Credits
    suggested_ask: NotRequired[Credits]
    surge: bool
    waiting: int
    free_slots: int


class AskingPriceData(TypedDict):
    """What an island asks. `workload_id` is null for the ask of all cargos without an ask of their own."""

    host_id: str
    workload_id: int | None
    workload_slug: str
    asking_price: Credits
    active: bool


class AskingPriceSet(TypedDict):
    """What an island asks from now on."""

    data: AskingPriceData


class KeptBid(TypedDict):
    """What an account bids where a job does not say; null where that was forgotten."""

    workload: str
    bid_price: Credits | None
