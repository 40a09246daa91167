"""Prices and how a charge is shared. Pure integer arithmetic in micro-credits.

The rule version is written into every settlement, so that a past invoice can be recomputed exactly: a new rule is a
new version beside the old one, never an edit.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MICRO_PER_CREDIT: Final = 1_000_000
SIGN_UP_GRANT_MICRO: Final = 10_000 * MICRO_PER_CREDIT
LOW_BALANCE_MICRO: Final = 10 * MICRO_PER_CREDIT
AMOUNT_MICRO_MAX: Final = 10**15  # A billion credits: no single bid, ask, price or grant may be larger.

PRICE_RULES_VERSION: Final = 2
"""Version 1 charged the ask of the island; since version 2 the ask is for a unit (`domain.metering`)."""
FEE_PERMILLE: Final = {1: 100, 2: 100}
PUBLISHER_PERMILLE: Final = {1: 50, 2: 50}


class PriceUnit(StrEnum):
    """What a cargo's price and the asks for it are for. The hold caps the charge of one job in any unit."""

    JOB = "job"  # One job, whatever it takes.
    SECOND = "second"  # A second of work, begun or whole.
    TOKEN = "token"  # noqa: S105 - a token that the cargo wrote, no secret.
    MILLION_FUEL = "million_fuel"  # A million units of fuel, begun or whole.


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Who gets what of one charge; the three add up to it. A share of 0 has no ledger entry."""

    platform_fee_micro: int
    publisher_micro: int
    island_micro: int

    @property
    def charge_micro(self) -> int:
        return self.platform_fee_micro + self.publisher_micro + self.island_micro


def share(charge_micro: int, *, rules_version: int = PRICE_RULES_VERSION) -> Shares:
    """Splits a charge. Fees round down and the remainder goes to the island."""
    assert 0 < charge_micro <= AMOUNT_MICRO_MAX, charge_micro
    fee = charge_micro * FEE_PERMILLE[rules_version] // 1000
    publisher = charge_micro * PUBLISHER_PERMILLE[rules_version] // 1000
    return Shares(
        platform_fee_micro=fee,
        publisher_micro=publisher,
        island_micro=charge_micro - fee - publisher,
    )
