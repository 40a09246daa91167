"""Numbers and names in a claim that would break whoever stores them: refused by name, at once."""

import json
import time
from typing import Any

import pytest

from adapters.claim_address import address_of
from adapters.claim_codec import (
    CLAIM_BYTES_MAX,
    NAME_CHARACTERS_MAX,
    NUMBER_MAX,
    RUNTIMES_MAX,
    claim_of,
)
from domain.claim import ClaimRejected, ClaimRejection, Heartbeat, Registration, Succeeded

ISLAND = "island-1"
SUCCESS = {"job_id": "job-1", "state": "succeeded", "timestamp": 1, "count": 1, "digest": "sha256:0"}
BEAT = {"host_id": ISLAND, "agent_version": "1", "status": "online", "active_jobs": 0, "timestamp": 1}
MACHINE = {"cpu_cores": 2, "ram_mb": 4096}
REGISTRATION = {"host_id": ISLAND, "version": "1", "capabilities": MACHINE}
HUGE = 10**30


REGISTER = f"coordinator.hosts.register.{ISLAND}"


def claimed(subject: str, body: dict[str, Any]) -> Any:
    return claim_of(address_of(subject), json.dumps(body).encode())


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
        ("policy.categories_allowed", {"policy": {"categories_allowed": ["Data"]}}),
        ("policy.categories_refused", {"policy": {"categories_refused": ["x" * 41]}}),
        ("policy.categories_refused", {"policy": {"categories_refused": ["data"] * 33}}),
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
    assert isinstance(claimed(REGISTER, REGISTRATION), Registration)
    assert refused(REGISTER, REGISTRATION | fields) == ("implausible", field)


@pytest.mark.parametrize(("subject", "body"), [(REGISTER, REGISTRATION), (f"host.{ISLAND}.heartbeat", BEAT)])
def test_a_body_names_the_island_that_spoke_by_its_id_or_by_what_it_calls_itself(
    subject: str, body: dict[str, Any]
) -> None:
    address = address_of(subject)
    named = json.dumps(body | {"host_id": "my-old-name"}).encode()
    assert claim_of(address, named, local_id="my-old-name").island_id == ISLAND
    assert claim_of(address, json.dumps(body).encode(), local_id="my-old-name").island_id == ISLAND
    for local_id in (None, "another-name"):
        with pytest.raises(ClaimRejected) as rejected:
            claim_of(address, named, local_id=local_id)
        assert rejected.value.code == ClaimRejection.ID_MISMATCH


def test_runtimes_named_in_a_heartbeat_are_offers_of_unknown_speed() -> None:
    estimates = {"supported_runtimes": ["wasm", "container", "wasm"], "gpu_bandwidth_gb_s": None}
    claim = claimed(f"host.{ISLAND}.heartbeat", BEAT | {"performance_estimates": estimates})
    assert isinstance(claim, Heartbeat)
    assert claim.runtimes is not None
    assert [(one.runtime, one.score) for one in claim.runtimes] == [("container", 0), ("wasm", 0)]
    assert (claim.gpu_bandwidth_mb_s, claim.formats) == (0, ())
    silent = claimed(f"host.{ISLAND}.heartbeat", BEAT)
    assert silent.runtimes is None


def test_a_heartbeat_tells_the_speed_of_the_gpu_and_the_formats_of_models() -> None:
    estimates = {"gpu_bandwidth_gb_s": 936.2, "supported_quantization_formats": ["q1_0", "gguf", "gguf"]}
    claim = claimed(f"host.{ISLAND}.heartbeat", BEAT | {"performance_estimates": estimates})
    assert (claim.gpu_bandwidth_mb_s, claim.formats) == (936_200, ("gguf", "q1_0"))
    with pytest.raises(ClaimRejected, match="gpu_bandwidth_gb_s"):
        claimed(f"host.{ISLAND}.heartbeat", BEAT | {"performance_estimates": {"gpu_bandwidth_gb_s": 1e9}})


def test_more_runtimes_than_there_are_are_cut_off() -> None:
    estimates = {"supported_runtimes": [f"{n:02}" + 200 * "x" for n in range(99)]}
    claim = claimed(f"host.{ISLAND}.heartbeat", BEAT | {"performance_estimates": estimates})
    assert [len(one.runtime) for one in claim.runtimes] == RUNTIMES_MAX * [NAME_CHARACTERS_MAX]


@pytest.mark.parametrize("missing", [["count"], ["digest"], ["count", "digest"]])
@pytest.mark.parametrize("is_signed", [True, False])
def test_only_an_unsigned_success_may_leave_count_and_digest_out_and_only_both(
    missing: list[str], is_signed: bool
) -> None:
    body = json.dumps({name: value for name, value in SUCCESS.items() if name not in missing}).encode()
    address = address_of(f"host.{ISLAND}.status")
    if len(missing) == 2 and not is_signed:
        claim = claim_of(address, body, is_signed=is_signed)
        assert isinstance(claim, Succeeded)
        assert (claim.chunks, claim.digest) == (None, None)
        return
    with pytest.raises(ClaimRejected) as rejected:
        claim_of(address, body, is_signed=is_signed)
    assert rejected.value.code == ClaimRejection.IMPLAUSIBLE


def test_a_body_of_more_than_the_bound_is_not_read() -> None:
    with pytest.raises(ClaimRejected) as rejected:
        claim_of(address_of(REGISTER), (CLAIM_BYTES_MAX + 1) * b"[")
    assert rejected.value.code == ClaimRejection.TOO_LARGE


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
