"""What a run is charged: how many units it used, and what they cost. Pure integer arithmetic in micro-credits.

Called by the job when it ends. Of what an island claims, no more counts than we can have seen ourselves: working time
by the coordinator's clock, tokens by the bytes that arrived, fuel by the limit that the sandbox was given. A charge is
never above the hold and never nothing.
"""

from dataclasses import dataclass
from typing import Final, assert_never

from domain.pricing import AMOUNT_MICRO_MAX, PRICE_RULES_VERSION, PriceUnit
from domain.trust import Limits

MS_PER_SECOND: Final = 1000
FUEL_PER_UNIT: Final = 1_000_000
TOKENS_HELD: Final = 4_096
"""Tokens that a hold covers where the job does not say more: the longest answer that a chat may ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a run used, each as far as it could be checked. None where nothing was claimed."""

    worked_ms: int = 0
    tokens: int | None = None
    fuel: int | None = None


def reading(
    *, worked_ms: int, tokens_claimed: int | None, output_bytes: int, fuel_claimed: int | None, fuel_max: int
) -> Reading:
    """Cuts what an island claims to what is plausible: a token is at least a byte, and fuel has a limit."""
    return Reading(
        worked_ms=max(0, worked_ms),
        tokens=None if tokens_claimed is None else max(0, min(tokens_claimed, output_bytes)),
        fuel=None if fuel_claimed is None else max(0, min(fuel_claimed, fuel_max)),
    )


def units_used(unit: PriceUnit, used: Reading) -> int:
    """Whole units, a begun one counts, and at least one."""
    match unit:
        case PriceUnit.JOB:
            units = 1
        case PriceUnit.SECOND:
            units = begun(used.worked_ms, MS_PER_SECOND)
        case PriceUnit.TOKEN:
            units = used.tokens or 0
        case PriceUnit.MILLION_FUEL:
            units = begun(used.fuel or 0, FUEL_PER_UNIT)
        case _:
            assert_never(unit)
    return max(1, units)


def begun(amount: int, size: int) -> int:
    return -(-amount // size)


def charge_micro(
    *, unit_price_micro: int, units: int, hold_micro: int, rules_version: int = PRICE_RULES_VERSION
) -> int:
    """Price times units, at most the hold. Version 1 knew prices per job only."""
    assert unit_price_micro > 0
    assert hold_micro > 0
    counted = 1 if rules_version == 1 else max(1, units)
    return min(unit_price_micro * counted, hold_micro)


def units_held(unit: PriceUnit, limits: Limits) -> int:
    """How many units the hold of a job covers where its owner does not say: as many as one run can use."""
    match unit:
        case PriceUnit.JOB:
            return 1
        case PriceUnit.SECOND:
            return limits.wall_s
        case PriceUnit.TOKEN:
            return TOKENS_HELD
        case PriceUnit.MILLION_FUEL:
            return begun(limits.fuel, FUEL_PER_UNIT)
        case _:
            assert_never(unit)


def hold_for(unit: PriceUnit, unit_bid_micro: int, limits: Limits) -> int:
    """What is held for a job that names no bid for the whole, in micro-credits."""
    return min(unit_bid_micro * units_held(unit, limits), AMOUNT_MICRO_MAX)


def ask_limit_micro(unit: PriceUnit, *, run_bid_micro: int, unit_bid_micro: int) -> int:
    """The highest ask that this run may be placed at: asks are for a unit, and one unit must fit the hold.

    `run_bid_micro` is what one run may cost in all, `unit_bid_micro` 0 where the job named no price for a unit.
    """
    if unit is PriceUnit.JOB or not unit_bid_micro:
        return run_bid_micro
    return min(unit_bid_micro, run_bid_micro)
