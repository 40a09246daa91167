"""Results are compared over real programs and servers, as far as there is anybody to compare with."""

import json
from pathlib import Path
from typing import Final

from tests.faults.network import Network, eventually

HASH: Final = Path(__file__).resolve().parents[2] / "cargos" / "wasm_hash"


async def publish_hash(network: Network) -> str:
    """The cargo that we ship: its bytes are the same everywhere."""
    manifest = json.loads((HASH / "manifest.json").read_bytes())
    module = (HASH / manifest["artifact"]["file"]).read_bytes()
    digest = manifest["artifact"]["digest"]
    (await network.http.put(f"/artifacts/{digest}", content=module)).raise_for_status()
    (await network.http.post("/workloads", json=manifest)).raise_for_status()
    return str(manifest["slug"])


async def test_with_one_owner_a_job_with_redundancy_is_answered_paid_and_proven_by_nobody(
    network: Network,
) -> None:
    await network.add_coordinator()
    await network.add_island("only")
    body = {
        "workload": await publish_hash(network),
        "input": {"text": "abc"},
        "redundancy": 2,
        "deadline_seconds": 3,
    }
    submitted = (await network.http.post("/jobs", json=body)).raise_for_status().json()

    async def judged() -> bool:
        return "verdict" in await network.job(submitted["id"])

    await eventually(judged)
    job = await network.job(submitted["id"])
    assert (job["state"], job["verdict"]["outcome"]) == ("succeeded", "inconclusive")
    assert job["data"]["output"]
    listed = (await network.http.get("/jobs")).raise_for_status().json()["jobs"]
    assert [one["id"] for one in listed] == [submitted["id"]]
    runs = (await network.http.get("/jobs", params={"runs": True})).raise_for_status().json()["jobs"]
    assert {run["state"] for run in runs} == {"succeeded", "failed"}
