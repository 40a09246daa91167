"""A cargo's trust at the command line, and its kill switch against a program that really runs."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from tests.cli.commands import Up, comes_true
from tests.faults import slow_cargo

KILLED_WITHIN_S = 5.0


@pytest.fixture(scope="module")
def slow(network: Up) -> str:
    """A cargo that runs for a minute if nobody stops it."""

    async def publish() -> str:
        headers = {"Authorization": f"Bearer {network.key}"}
        async with httpx.AsyncClient(base_url=f"{network.url}/api/v1", headers=headers) as client:
            return await slow_cargo.publish(client, 60)

    return asyncio.run(publish())


def shown(network: Up, job_id: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = network.typed("job", "list", "--json").json
    return next(row for row in rows if row["id"] == job_id)


def submitted(network: Up, slug: str) -> str:
    return network.typed("job", "submit", slug, "--input", "{}").out.strip()


def test_a_killed_cargo_stops_within_seconds_everywhere_and_nobody_pays(network: Up, slow: str) -> None:
    jobs = [submitted(network, slow) for _ in range(3)]
    assert comes_true(lambda: any(shown(network, job)["state"] == "running" for job in jobs))
    began = time.monotonic()
    said = network.typed("cargo", "kill", slow, "--reason", "it waits for nothing")
    assert said.out == f"{slow} is killed. To undo it: archipelago cargo revive {slow}\n"
    assert comes_true(lambda: all(shown(network, job)["state"] == "failed" for job in jobs))
    assert time.monotonic() - began < KILLED_WITHIN_S
    for job in jobs:
        found = shown(network, job)
        assert (found["error_code"], found.get("charged")) == ("cargo_disabled", None)
    (island,) = network.typed("island", "list", "--json").json
    assert comes_true(
        lambda: network.typed("island", "list", "--json").json[0].get("active_jobs", 0) == 0, within_s=10
    )
    assert island["karma"] >= 0
    refused = network.typed("job", "submit", slow, "--input", "{}")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(f"error: workload: {slow} is disabled")
    assert network.typed("cargo", "revive", slow).out == f"{slow} takes jobs.\n"
    again = submitted(network, slow)
    assert network.typed("job", "cancel", again).code == 0


def test_trust_is_explained(network: Up) -> None:
    said = network.typed("cargo", "trust", "wasm-hash")
    assert said.code == 0, said
    lines = {line.split("  ")[0]: line for line in said.out.splitlines()}
    assert "1 of the 1 it asks for, standard" in lines["trust level"]
    assert "the operator" in lines["publisher"]
    assert "published 1.0.0, trust level 1; it asks for 1" in said.out
    answer = network.typed("cargo", "trust", "wasm-hash", "--json").json
    assert (answer["trust_level"], answer["first_party"]) == (1, True)


def test_nobody_judges_the_own_cargo(network: Up) -> None:
    said = network.typed("cargo", "rate", "wasm-hash", "5")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error: slug: publishers do not judge their own cargos")


def test_a_finding_takes_a_cargo_to_level_zero_and_a_review_back(network: Up, slow: str) -> None:
    found = network.typed("cargo", "scan", slow, "--scanner", "scanner 1.0", "--high", "1")
    assert found.out == f"{slow} has trust level 0.\n"
    assert "For the next level it needs a scan without critical and high findings." in (
        network.typed("cargo", "trust", slow).out
    )
    network.typed("cargo", "ask-review", slow)
    assert slow in network.typed("cargo", "reviews").out
    unsigned = network.typed("cargo", "review", slow, "--pass", "--note", "a false alarm")
    assert unsigned.err.startswith("error: signature_digest: a review that passes names")
    passed = network.typed(
        "cargo", "review", slow, "--pass", "--note", "a false alarm", "--signature", f"sha256:{'d' * 64}"
    )
    assert passed.out == f"{slow} has trust level 1.\n"
    assert network.typed("cargo", "reviews").out == "No cargo waits for a review.\n"


def test_a_tier_tells_how_many_cargos_a_publisher_may_have(network: Up) -> None:
    said = network.typed("cargo", "tier", "somebody", "verified")
    assert said.out == "somebody is verified: 0 cargos, at most 10.\n"


def test_an_incident_costs_half_a_point(network: Up, slow: str) -> None:
    before = network.typed("cargo", "trust", slow, "--json").json["reputation"]
    said = network.typed("cargo", "incident", slow, "--note", "data left the sandbox")
    assert said.out == f"The reputation of {slow} is {before - 0.5:.3f}.\n"
