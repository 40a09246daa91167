"""What an island is advised to have at hand."""

from dataclasses import replace
from typing import Any

import pytest

from domain.cargo_spec import Runtime
from domain.demand import RECOMMENDED_MAX, Demand, Priority, fits, recommended
from domain.ids import CargoSlug, JobId
from domain.pricing import MICRO_PER_CREDIT
from tests.examples import OFFER, SLUG, T0_MS, cargo_with


def demand(slug: str = SLUG, **fields: Any) -> Demand:
    plain = Demand(
        cargo=cargo_with(slug=CargoSlug(slug)), queued=3, warm_free_slots=0, rate_micro=2 * MICRO_PER_CREDIT
    )
    return replace(plain, **fields)


@pytest.mark.parametrize(
    ("queued", "warm_free_slots", "score", "priority"),
    [
        (12, 15, 80, Priority.HIGH),
        (7, 10, 70, Priority.HIGH),
        (69, 100, 69, Priority.MEDIUM),
        (3, 10, 30, Priority.MEDIUM),
        (29, 100, 29, Priority.LOW),
        (5, 0, 100, Priority.HIGH),
        (500, 1, 100, Priority.HIGH),
    ],
)
def test_the_score_is_the_queue_over_the_slots_that_are_warm(
    queued: int, warm_free_slots: int, score: int, priority: Priority
) -> None:
    wanted = demand(queued=queued, warm_free_slots=warm_free_slots)
    assert (wanted.score, wanted.priority) == (score, priority)


def test_what_is_earned_is_the_rate_less_fees() -> None:
    assert demand().earnings_micro == 1_700_000
    assert demand(rate_micro=0).earnings_micro == 0


def test_a_warm_cargo_is_not_recommended() -> None:
    assert recommended(OFFER, [demand()], T0_MS) == [demand()]
    assert recommended(replace(OFFER, warm_slugs=frozenset({SLUG})), [demand()], T0_MS) == []


def test_what_nobody_waits_for_is_not_recommended() -> None:
    assert recommended(OFFER, [demand(queued=0)], T0_MS) == []


def test_the_five_most_wanted_are_recommended_in_order() -> None:
    demands = [demand(f"cargo-{number}", queued=number, warm_free_slots=10) for number in range(1, 9)]
    found = recommended(OFFER, demands, T0_MS)
    assert [one.cargo.slug for one in found] == [f"cargo-{number}" for number in (8, 7, 6, 5, 4)]
    assert len(found) == RECOMMENDED_MAX


def test_an_island_that_cannot_run_a_cargo_is_not_told_of_it() -> None:
    for fields in ({"runtime": Runtime.LLMCPP}, {"requirements": {"ram_mb": 401}}, {"platforms": ("ios-",)}):
        assert not fits(OFFER, cargo_with(**fields), T0_MS)
    for offer in (replace(OFFER, trust_level_min=1), replace(OFFER, is_suspended=True)):
        assert not fits(offer, cargo_with(), T0_MS)


def test_a_busy_or_dear_island_fits_all_the_same() -> None:
    busy = replace(OFFER, active_jobs=frozenset({JobId("a"), JobId("b")}))
    dear = replace(OFFER, asks_micro={"_default": 999 * MICRO_PER_CREDIT})
    assert fits(busy, cargo_with(), T0_MS)
    assert fits(dear, cargo_with(), T0_MS)
