"""Which cargos an island would do well to have at hand: wanted more than can be run, fitting, and cold there.

Called by the coordinator, which tells idle islands by itself, and by the route that islands ask. A recommendation is
advice: nothing is owed to an island that follows it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from domain.cargo_spec import CargoSpec
from domain.ids import AccountId, JobId
from domain.placement import Offer, Refusal, Want, refusal
from domain.pricing import AMOUNT_MICRO_MAX, share

RECOMMENDED_MAX: Final = 5
SCORE_MAX: Final = 100
HIGH_FROM: Final = 70
MEDIUM_FROM: Final = 30


class Priority(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A cargo that jobs wait for. `warm_free_slots` are those of islands that have it at hand; `rate_micro` is what
    one job of it went for of late, or its own price.
    """

    cargo: CargoSpec
    queued: int
    warm_free_slots: int
    rate_micro: int

    @property
    def score(self) -> int:
        """0 to 100."""
        return min(SCORE_MAX, SCORE_MAX * self.queued // max(1, self.warm_free_slots))

    @property
    def priority(self) -> Priority:
        if self.score >= HIGH_FROM:
            return Priority.HIGH
        return Priority.MEDIUM if self.score >= MEDIUM_FROM else Priority.LOW

    @property
    def earnings_micro(self) -> int:
        """What is left of the rate for the island's owner."""
        return share(self.rate_micro).island_micro if self.rate_micro else 0


def recommended(offer: Offer, demands: Iterable[Demand], now_ms: int) -> list[Demand]:
    """At most `RECOMMENDED_MAX`, the most wanted first."""
    cold = (demand for demand in demands if demand.cargo.slug not in offer.warm_slugs)
    fitting = [demand for demand in cold if demand.queued and fits(offer, demand.cargo, now_ms)]
    return sorted(fitting, key=lambda demand: (-demand.score, -demand.queued, demand.cargo.slug))[
        :RECOMMENDED_MAX
    ]


def fits(offer: Offer, cargo: CargoSpec, now_ms: int) -> bool:
    """Whether the island could run some job of it, were it free and the bid high enough."""
    want = Want(
        job_id=JobId(""),
        account_id=AccountId(""),
        cargo=replace(cargo, privacy_tier=0),
        bid_micro=AMOUNT_MICRO_MAX,
        unit_bid_micro=AMOUNT_MICRO_MAX,
        priority=0,
        region=None,
        submitted_at_ms=now_ms,
    )
    found = refusal(want, offer, now_ms=now_ms, retry_allowed=False)
    return found in (None, Refusal.AT_CAPACITY)
