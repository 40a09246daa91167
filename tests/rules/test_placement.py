"""The rules of placement in the numbers that people are told.

Refusals, the worked example of a score and its bounds stand in `tests/domain/test_placement.py`, what holds for any
islands in `tests/properties/test_placement.py`, and queue and retries in `tests/commands/processes/test_placing.py`.
"""

from dataclasses import replace
from typing import Any

import pytest

from domain.cargo_spec import Runtime
from domain.gpu_bandwidth import bandwidth_mb_s, tokens_per_s
from domain.placement import Candidate, place
from tests.examples import CUSTOMER, OFFER, OTHER_JOB_ID, SLUG, T0_MS, cargo_with, want_of

BUSY = frozenset({OTHER_JOB_ID})
TEN_MINUTES_MS = 600_000
FULL_SPEED = 10**6


def candidate(runtime: Runtime = Runtime.WASM, **offer: Any) -> Candidate:
    """The score of an island that is idle, full of memory it does not have to spare, and of no speed."""
    plain: dict[str, Any] = {"scores": {runtime: 0}, "ram_mb": 256, "slots": 2, "active_jobs": BUSY}
    plain["platform"] = "darwin-arm64"
    want = want_of(region="eu-west", cargo=cargo_with(runtime=runtime, target_score=FULL_SPEED))
    [found] = place(want, [replace(OFFER, **plain | offer)], now_ms=T0_MS).explanation.candidates
    return found


@pytest.mark.parametrize(
    ("runtime", "speed", "fit", "headroom"),
    [
        (Runtime.LLMCPP, 50, 35, 15),
        (Runtime.CONTAINER, 30, 40, 30),
        (Runtime.WASM, 25, 40, 35),
        (Runtime.ONNX, 45, 40, 15),
        (Runtime.COREML, 45, 40, 15),
        (Runtime.DIFFUSERS, 45, 35, 20),
    ],
)
def test_how_much_speed_fit_and_headroom_count_for_each_runtime(
    runtime: Runtime, speed: int, fit: int, headroom: int
) -> None:
    plain = candidate(runtime)
    assert (plain.speed, plain.fit, plain.headroom) == (0, 0, 50)
    assert candidate(runtime, scores={runtime: FULL_SPEED}).total - plain.total == pytest.approx(speed)
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


@pytest.mark.parametrize(
    ("asked", "claimed", "points"),
    [
        ("eu-west", "eu-west", 5),
        ("EU", "eu-central", 5),
        ("eu-west,eu-central", "eu-central", 2),
        ("us-west-2,us-east", "us-east", 2),
        ("us-west-2,eu-west", "eu-west", 0),
    ],
)
def test_the_region_that_was_asked_for_counts_five_and_an_adjacent_one_two(
    asked: str, claimed: str, points: int
) -> None:
    want = want_of(region=asked)
    [found] = place(want, [replace(OFFER, region=claimed)], now_ms=T0_MS).explanation.candidates
    assert found.region == points


@pytest.mark.parametrize(
    ("gpu", "tokens_s"),
    [
        ("NVIDIA H100", 409),
        ("NVIDIA A100", 249),
        ("NVIDIA GeForce RTX 4090", 123),
        ("NVIDIA GeForce RTX 3090", 114),
        ("NVIDIA GeForce RTX 3080", 93),
        ("NVIDIA GeForce RTX 3060", 44),
        ("Tesla T4", 39),
    ],
)
def test_how_many_tokens_a_second_each_gpu_is_expected_to_write(gpu: str, tokens_s: int) -> None:
    assert tokens_per_s(bandwidth_mb_s(gpu, 10_240), 10_240, cpu_cores=8, model_mb=0) == tokens_s
