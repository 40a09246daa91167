"""Results are compared over real programs and servers, as far as there is anybody to compare with."""

import json
from pathlib import Path
from typing import Any, Final

from tests.faults.network import Network, eventually

ABC_SHA256: Final = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
LYING: Final = "tests.faults.lying_island"

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


async def judged(network: Network, slug: str, redundancy: int) -> dict[str, Any]:
    """A job that is run so many times, once its runs were compared."""
    body = {"workload": slug, "input": {"text": "abc"}, "redundancy": redundancy, "bid_price": "3"}
    submitted = (await network.http.post("/jobs", json=body)).raise_for_status().json()

    async def verdict() -> dict[str, Any]:
        job = await network.job(submitted["id"])
        return job if "verdict" in job else {}

    return await eventually(verdict)


async def test_of_three_owners_the_two_that_agree_are_believed_and_the_third_is_not_paid(
    network: Network,
) -> None:
    await network.add_coordinator(ARCHIPELAGO_KNOWN_ANSWER_PERCENT="0")
    slug = await publish_hash(network)
    liar_key = await network.add_owner("liar-owner")
    await network.add_island("ours")
    await network.add_island("theirs", key=await network.add_owner("other-owner"))
    await network.add_island("liar", key=liar_key, module=LYING)
    job = await judged(network, slug, 3)
    assert (job["state"], job["verdict"]["outcome"]) in {
        ("succeeded", "confirmed"),
        ("succeeded", "contradicted"),  # Where the liar's was the first of the three runs.
    }
    assert json.loads(job["data"]["output"])["sha256"] == ABC_SHA256
    why = (await network.http.get(f"/jobs/{job['id']}/placement")).raise_for_status().json()
    votes = {run["host_name"]: run["vote"] for run in why["verdict"]["runs"]}
    assert votes == {"ours": "agrees", "theirs": "agrees", "liar": "differs"}

    async def settled() -> bool:
        return "charged" in await network.job(job["id"])

    await eventually(settled)
    assert (await network.job(job["id"]))[
        "charged"
    ] == "1.0"  # Two runs at half a credit; the third cost nothing.

    async def punished() -> bool:
        return int((await network.host("liar", key=liar_key))["karma"]) == -24

    await eventually(punished)
    earned = await network.http.get("/account", headers={"Authorization": f"Bearer {liar_key}"})
    assert (earned.json()["credits"], earned.json()["escrow"]) == ("0.0", "0.0")


async def test_an_idle_liar_is_found_by_a_question_whose_answer_two_owners_gave(network: Network) -> None:
    await network.add_coordinator(ARCHIPELAGO_KNOWN_ANSWER_PERCENT="10")
    slug = await publish_hash(network)
    ours = await network.add_island("ours")
    theirs = await network.add_island("theirs", key=await network.add_owner("other-owner"))
    assert (await judged(network, slug, 2))["verdict"]["outcome"] == "confirmed"
    liar_key = await network.add_owner("liar-owner")
    await network.add_island("liar", key=liar_key, module=LYING)
    assert ours.runs
    assert theirs.runs

    async def found() -> bool:
        return int((await network.host("liar", key=liar_key))["karma"]) == -48

    await eventually(found)
