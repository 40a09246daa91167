"""What a job bids where it does not say: the account's own wish for the cargo, the market's rate, the cargo's price.

Called by the API at submission; where the bid came from is kept in `JobSubmitted`, so a person can ask later.
"""

from dataclasses import dataclass
from enum import StrEnum

from domain.cargo_spec import CargoSpec
from domain.metering import hold_for
from domain.pricing import AMOUNT_MICRO_MAX, PriceUnit


class BidSource(StrEnum):
    """Where a bid came from; the first that there is counts."""

    OWN = "own"  # The request named it.
    SAVED = "saved"  # The account saved it for this cargo.
    MARKET_RATE = "market_rate"  # What jobs of this cargo cost of late.
    DEFAULT_PRICE = "default_price"  # What the publisher set.


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is known about the price, each in micro-credits and None where nobody said anything.

    `job_micro` is for the whole job; the others are for one unit of the cargo's price, which may be the job.
    """

    job_micro: int | None = None
    unit_micro: int | None = None
    saved_micro: int | None = None
    rate_micro: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """`hold_micro` caps the charge of the whole job; `unit_micro` caps the price of a unit, 0 for a price per job."""

    hold_micro: int
    unit_micro: int
    source: BidSource


def bid_for(cargo: CargoSpec, wishes: Wishes, *, runs: int = 1) -> Bid:
    """The bid of a job on this cargo that is run so many times, to compare the results.

    What the request names is for all runs together; everything else is a price of one.
    """
    is_metered = cargo.price_unit is not PriceUnit.JOB
    unit_micro, source = first_wish(cargo, wishes.unit_micro if is_metered else wishes.job_micro, wishes)
    hold_micro = wishes.job_micro or min(
        runs * hold_for(cargo.price_unit, unit_micro, cargo.limits), AMOUNT_MICRO_MAX
    )
    return Bid(hold_micro=hold_micro, unit_micro=unit_micro if is_metered else 0, source=source)


def first_wish(cargo: CargoSpec, own_micro: int | None, wishes: Wishes) -> tuple[int, BidSource]:
    for amount_micro, source in (
        (own_micro, BidSource.OWN),
        (wishes.saved_micro, BidSource.SAVED),
        (wishes.rate_micro, BidSource.MARKET_RATE),
    ):
        if amount_micro is not None:
            return amount_micro, source
    return cargo.price_micro, BidSource.DEFAULT_PRICE
