"""Trust levels: what a cargo may use at each of them."""

from dataclasses import replace
from itertools import pairwise

import pytest

from domain.trust import LEVEL_LIMITS, LEVEL_MAX, SANDBOX_TIERS, Limits, excess


def test_every_level_has_limits_and_a_tier() -> None:
    assert len(LEVEL_LIMITS) == len(SANDBOX_TIERS) == LEVEL_MAX + 1


@pytest.mark.parametrize("level", range(LEVEL_MAX + 1))
@pytest.mark.parametrize("name", Limits.__slots__)
def test_a_limit_lies_between_one_and_that_of_its_level(name: str, level: int) -> None:
    allowed = LEVEL_LIMITS[level]
    most = getattr(allowed, name)
    assert excess(allowed, level) is None
    assert excess(replace(allowed, **{name: 1}), level) is None
    for wrong in (most + 1, 0, -1):
        problem = excess(replace(allowed, **{name: wrong}), level)
        assert problem == f"{name} {wrong} is outside 1-{most} at trust level {level}"


def test_a_higher_level_never_allows_less() -> None:
    for lower, higher in pairwise(LEVEL_LIMITS):
        assert all(getattr(lower, name) <= getattr(higher, name) for name in Limits.__slots__)


@pytest.mark.parametrize("level", [-1, LEVEL_MAX + 1])
def test_a_level_that_does_not_exist_allows_nothing(level: int) -> None:
    assert excess(LEVEL_LIMITS[0], level) == f"trust_level {level} is outside 0-{LEVEL_MAX}"
