"""Numbers and names in a claim that would break whoever stores them: refused by name, at once."""

import json
import time
from typing import Any

import pytest

from adapters.claim_codec import NUMBER_MAX, claim_of
from domain.claim import ClaimRejected, ClaimRejection, Heartbeat, Registration, Succeeded

ISLAND = "island-1"
SUCCESS = {"job_id": "job-1", "state": "succeeded", "timestamp": 1, "count": 1, "digest": "sha256:0"}
BEAT = {"host_id": ISLAND, "agent_version": "1", "status": "online", "active_jobs": 0, "timestamp": 1}
MACHINE = {"cpu_cores": 2, "ram_mb": 4096}
REGISTRATION = {"host_id": ISLAND, "version": "1", "capabilities": MACHINE}
HUGE = 10**30


def claimed(subject: str, body: dict[str, Any]) -> Any:
    return claim_of(subject, json.dumps(body).encode())


def refused(subject: str, body: dict[str, Any]) -> tuple[ClaimRejection, str]:
    with pytest.raises(ClaimRejected) as rejected:
        claimed(subject, body)
    return rejected.value.code, rejected.value.detail.partition(":")[0]


@pytest.mark.parametrize(
    "field", ["wall_ms", "cpu_ms", "memory_peak_mb", "fuel", "prompt_tokens", "completion_tokens"]
)
def test_usage_is_neither_negative_nor_more_than_can_be_stored(field: str) -> None:
    most = claimed("host.island-1.status", SUCCESS | {"usage": {field: NUMBER_MAX}})
    assert isinstance(most, Succeeded)
    assert getattr(most.usage, field) == NUMBER_MAX
    for number in (-1, NUMBER_MAX + 1, HUGE):
        found = refused("host.island-1.status", SUCCESS | {"usage": {field: number}})
        assert found == ("implausible", f"usage.{field}")


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("capabilities.cpu_cores", {"capabilities": MACHINE | {"cpu_cores": HUGE}}),
        ("capabilities.ram_mb", {"capabilities": MACHINE | {"ram_mb": HUGE}}),
        ("capabilities.gpu_vram_mb", {"capabilities": MACHINE | {"gpu_vram_mb": HUGE}}),
        ("disk_free_mb", {"disk_free_mb": HUGE}),
        ("protocol", {"protocol": HUGE}),
        ("protocol", {"protocol": -1}),
        ("slots", {"slots": HUGE}),
        ("policy.trust_level_min", {"policy": {"trust_level_min": 4}}),
        (
            "self_tests.score",
            {
                "self_tests": [
                    {"runtime": "wasm", "engine": "e", "engine_version": "1", "passed": True, "score": HUGE}
                ]
            },
        ),
    ],
)
def test_a_machine_with_an_impossible_number_is_not_registered(field: str, fields: dict[str, Any]) -> None:
    assert isinstance(claimed("coordinator.hosts.register", REGISTRATION), Registration)
    assert refused("coordinator.hosts.register", REGISTRATION | fields) == ("implausible", field)


@pytest.mark.parametrize("host_id", ["", "short", "a.b.c.d.e", "island *", "island>>", "isländer", 65 * "x"])
def test_an_id_that_could_not_be_part_of_a_subject_is_no_island(host_id: str) -> None:
    found = refused("coordinator.hosts.register", REGISTRATION | {"host_id": host_id})
    assert found == ("unknown_island", "host_id")


@pytest.mark.parametrize(
    "price", ["0", "-1", "NaN", "sNaN", "Infinity", "1e999999", "1e-999999", "1000000001", "free"]
)
def test_an_ask_is_a_positive_amount_within_bounds(price: str) -> None:
    found = refused("host.island-1.heartbeat", BEAT | {"asking_prices": {"_default": price}})
    assert found == ("implausible", "asking_prices._default")


@pytest.mark.parametrize(("price", "micro"), [("0.000001", 1), ("2.5", 2_500_000), ("1000000000", 10**15)])
def test_an_ask_is_read_to_the_last_micro_credit(price: str, micro: int) -> None:
    beat = claimed("host.island-1.heartbeat", BEAT | {"asking_prices": {"_default": price}})
    assert isinstance(beat, Heartbeat)
    assert beat.asks_micro == {"_default": micro}


def test_a_huge_exponent_costs_no_time() -> None:
    started = time.thread_time()
    refused("host.island-1.heartbeat", BEAT | {"asking_prices": {"_default": "1e999990"}})
    assert time.thread_time() - started < 0.01
