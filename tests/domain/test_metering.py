"""Charges by the unit: never above the hold, never nothing, and the same again for every version of the rules."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.metering import (
    TOKENS_HELD,
    ask_limit_micro,
    charge_micro,
    hold_for,
    reading,
    units_held,
    units_used,
)
from domain.pricing import AMOUNT_MICRO_MAX, PRICE_RULES_VERSION, PriceUnit, share
from tests.examples import LIMITS

SETTLEMENTS: Final[list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "settlements.json").read_text("utf-8")
)
amounts = st.integers(1, 200) | st.integers(1, AMOUNT_MICRO_MAX)
claims = st.none() | st.integers(-(10**6), 10**18)
units_of_price = st.sampled_from(PriceUnit)
versions = st.integers(1, PRICE_RULES_VERSION)


@for_all(st.data(), units_of_price, amounts, amounts, versions)
def test_a_charge_is_never_above_the_hold_and_never_nothing(
    data: st.DataObject, unit: PriceUnit, unit_price_micro: int, hold_micro: int, version: int
) -> None:
    used = reading(
        worked_ms=data.draw(st.integers(-(10**6), 10**12)),
        tokens_claimed=data.draw(claims),
        output_bytes=data.draw(st.integers(0, 10**9)),
        fuel_claimed=data.draw(claims),
        fuel_max=data.draw(st.integers(1, 10**13)),
    )
    charge = charge_micro(
        unit_price_micro=unit_price_micro,
        units=units_used(unit, used),
        hold_micro=hold_micro,
        rules_version=version,
    )
    assert 0 < charge <= hold_micro
    shares = share(charge, rules_version=version)
    assert shares.platform_fee_micro + shares.publisher_micro + shares.island_micro == charge
    assert min(shares.platform_fee_micro, shares.publisher_micro) >= 0 < shares.island_micro


@for_all(units_of_price, st.integers(0, 10**9), st.integers(0, 10**9))
def test_who_used_more_is_never_charged_for_less(unit: PriceUnit, less: int, more: int) -> None:
    less, more = sorted((less, more))

    def units(amount: int) -> int:
        return units_used(
            unit,
            reading(
                worked_ms=amount,
                tokens_claimed=amount,
                output_bytes=10**9,
                fuel_claimed=amount,
                fuel_max=10**9,
            ),
        )

    assert 1 <= units(less) <= units(more)


@pytest.mark.parametrize("golden", SETTLEMENTS, ids=lambda golden: f"version {golden['rules_version']}")
def test_every_settlement_of_the_past_is_computed_again_to_the_last_micro_credit(
    golden: dict[str, Any],
) -> None:
    version = golden["rules_version"]
    charge = charge_micro(
        unit_price_micro=golden["unit_price_micro"],
        units=golden["units"],
        hold_micro=golden["hold_micro"],
        rules_version=version,
    )
    shares = share(charge, rules_version=version)
    assert charge == golden["charged_micro"]
    assert shares.platform_fee_micro == golden["platform_fee_micro"]
    assert shares.publisher_micro == golden["publisher_micro"]
    assert shares.island_micro == golden["island_micro"]


def test_every_version_of_the_rules_has_settlements_of_its_own() -> None:
    assert {golden["rules_version"] for golden in SETTLEMENTS} == set(range(1, PRICE_RULES_VERSION + 1))


@pytest.mark.parametrize(
    ("unit", "units"),
    [
        (PriceUnit.JOB, 1),
        (PriceUnit.SECOND, LIMITS.wall_s),
        (PriceUnit.TOKEN, TOKENS_HELD),
        (PriceUnit.MILLION_FUEL, 10_000),
    ],
)
def test_a_hold_covers_what_one_run_can_use(unit: PriceUnit, units: int) -> None:
    assert units_held(unit, LIMITS) == units
    assert hold_for(unit, 7, LIMITS) == 7 * units
    assert hold_for(unit, AMOUNT_MICRO_MAX, LIMITS) == AMOUNT_MICRO_MAX


@pytest.mark.parametrize(
    ("unit", "unit_bid_micro", "limit_micro"),
    [
        (PriceUnit.JOB, 5, 100),
        (PriceUnit.SECOND, 5, 5),
        (PriceUnit.SECOND, 0, 100),
        (PriceUnit.TOKEN, 101, 100),
    ],
)
def test_an_ask_is_for_a_unit_and_one_unit_fits_the_hold(
    unit: PriceUnit, unit_bid_micro: int, limit_micro: int
) -> None:
    assert ask_limit_micro(unit, run_bid_micro=100, unit_bid_micro=unit_bid_micro) == limit_micro
