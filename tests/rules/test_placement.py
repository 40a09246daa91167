"""The rules of placement in the numbers that people are told.

Refusals, the worked example of a score and its bounds stand in `tests/domain/test_placement.py`, what holds for any
islands in `tests/properties/test_placement.py`, and queue and retries in `tests/commands/processes/test_placing.py`.
"""

from dataclasses import replace
from typing import Any

import pytest

from domain.cargo_spec import Runtime
from domain.placement import Candidate, place
from tests.examples import CUSTOMER, OFFER, OTHER_JOB_ID, SLUG, T0_MS, cargo_with, want_of

BUSY = frozenset({OTHER_JOB_ID})
TEN_MINUTES_MS = 600_000


def candidate(runtime: Runtime = Runtime.WASM, **offer: Any) -> Candidate:
    """The score of an island that is idle, full of memory it does not have to spare, and of no speed."""
    plain: dict[str, Any] = {"scores": {runtime: 0}, "ram_mb": 256, "slots": 2, "active_jobs": BUSY}
    want = want_of(region="eu-west", cargo=cargo_with(runtime=runtime))
    [found] = place(want, [replace(OFFER, **plain | offer)], now_ms=T0_MS).explanation.candidates
    return found


@pytest.mark.parametrize(
    ("runtime", "speed", "fit", "headroom"),
    [
        (Runtime.LLMCPP, 50, 35, 15),
        (Runtime.CONTAINER, 30, 40, 30),
        (Runtime.WASM, 25, 40, 35),
        (Runtime.ONNX, 45, 40, 15),
        (Runtime.DIFFUSERS, 45, 35, 20),
    ],
)
def test_how_much_speed_fit_and_headroom_count_for_each_runtime(
    runtime: Runtime, speed: int, fit: int, headroom: int
) -> None:
    plain = candidate(runtime)
    assert (plain.speed, plain.fit, plain.headroom) == (0, 0, 50)
    assert candidate(runtime, scores={runtime: 100}).total - plain.total == pytest.approx(speed)
    assert candidate(runtime, ram_mb=400).total - plain.total == pytest.approx(fit)
    assert candidate(runtime, active_jobs=frozenset()).total - plain.total == pytest.approx(headroom / 2)


@pytest.mark.parametrize(
    ("offer", "points"),
    [
        ({"warm_slugs": frozenset({SLUG})}, 10),
        ({"recent_cargos_ms": {f"{CUSTOMER}/{SLUG}": T0_MS - TEN_MINUTES_MS}}, 5),
        ({"recent_cargos_ms": {f"{CUSTOMER}/{SLUG}": T0_MS - TEN_MINUTES_MS - 1}}, 0),
        ({"karma": 40}, 2),
        ({"karma": 100}, 5),
        ({"karma": 1_000}, 5),
        ({"recent_failures_ms": (T0_MS - TEN_MINUTES_MS,)}, -5),
        ({"recent_failures_ms": (T0_MS - TEN_MINUTES_MS - 1,)}, 0),
        ({"recent_failures_ms": 7 * (T0_MS,)}, -20),
        ({"asks_micro": {SLUG: 5_000_000}}, -2),  # From 4 of 5 credits to 5 of 5.
        ({"asks_micro": {SLUG: 500_000}}, 7),
    ],
)
def test_what_else_counts_for_an_island(offer: dict[str, Any], points: float) -> None:
    assert candidate(**offer).total - candidate().total == pytest.approx(points)


def test_the_region_that_was_asked_for_counts_five() -> None:
    assert candidate().region == 5
