"""How a charge is shared: balanced to the last micro-credit."""

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.pricing import (
    AMOUNT_MICRO_MAX,
    FEE_PERMILLE,
    MICRO_PER_CREDIT,
    PRICE_RULES_VERSION,
    PUBLISHER_PERMILLE,
    Shares,
    share,
)

charges = st.integers(1, 200) | st.integers(1, AMOUNT_MICRO_MAX)


def test_a_charge_of_four_credits_is_shared_ten_five_and_the_rest() -> None:
    assert share(4 * MICRO_PER_CREDIT) == Shares(
        platform_fee_micro=400_000, publisher_micro=200_000, island_micro=3_400_000
    )


def test_fees_round_down_and_the_remainder_goes_to_the_island() -> None:
    assert share(39) == Shares(platform_fee_micro=3, publisher_micro=1, island_micro=35)


@for_all(charges)
def test_the_shares_add_up_to_the_charge(charge_micro: int) -> None:
    assert share(charge_micro).charge_micro == charge_micro


@for_all(charges)
def test_nobody_gets_more_than_the_rule_and_the_island_always_something(charge_micro: int) -> None:
    shares = share(charge_micro)
    assert (
        0 <= shares.platform_fee_micro * 1000 <= charge_micro * 100 < (shares.platform_fee_micro + 1) * 1000
    )
    assert 0 <= shares.publisher_micro * 1000 <= charge_micro * 50 < (shares.publisher_micro + 1) * 1000
    assert shares.island_micro > 0


def test_the_rules_in_force_are_kept_with_all_that_went_before() -> None:
    versions = set(range(1, PRICE_RULES_VERSION + 1))
    assert versions == set(FEE_PERMILLE) == set(PUBLISHER_PERMILLE)


@pytest.mark.parametrize("charge_micro", [-1, 0, AMOUNT_MICRO_MAX + 1])
def test_nothing_and_too_much_cannot_be_shared(charge_micro: int) -> None:
    with pytest.raises(AssertionError):
        share(charge_micro)
