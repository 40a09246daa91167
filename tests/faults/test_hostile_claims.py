"""Claims that are wrong, foreign or malicious, sent with the rights of an island over the real wire.

Each is kept with its code, none comes again, nobody falls over, and the next good job runs.
"""

import json
from typing import Final

from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.rejected_claims import RejectedClaims
from domain.ids import IslandId
from tests.faults.books import assert_all_succeeded_once
from tests.faults.network import Network, eventually

STRANGER: Final = IslandId("A" + 55 * "Z")
UNKNOWN_JOB: Final = "00000000-0000-4000-8000-000000000000"
SUCCESS: Final = {"state": "succeeded", "count": 1, "digest": "sha256:0", "timestamp": 1}
BEAT: Final = {"agent_version": "1", "status": "online", "active_jobs": 0, "timestamp": 1}
REGISTRATION: Final = {"version": "1", "capabilities": {"cpu_cores": 1, "ram_mb": 1}}
NESTED: Final = b'{"job_id":' + 30_000 * b"[" + 30_000 * b"]" + b"}"
OVERSIZE: Final = b'{"job_id":"' + 70_000 * b"x" + b'"}'


def status(job_id: object, **fields: object) -> bytes:
    return json.dumps({"job_id": job_id, "state": "started", "timestamp": 1} | fields).encode()


def beat(island_id: object, **fields: object) -> bytes:
    return json.dumps({"host_id": island_id, **BEAT, **fields}).encode()


def registration(island_id: object, **fields: object) -> bytes:
    return json.dumps({"host_id": island_id, **REGISTRATION, **fields}).encode()


def unprintable(island_id: IslandId) -> bytes:
    """A heartbeat that is believed, with what neither a database nor a terminal likes."""
    asks = {1000 * "\0": "1", "\x1b[31m": "1", "_default": "1"}
    return beat(island_id, asking_prices=asks, cache={"warm_workload_ids": ["\0", "\x1b[31m"]})


def hostile_claims(own: IslandId, job_id: str) -> list[tuple[str, bytes, str]]:
    """Subject, body and the code it must be kept under. `job_id` is one that `own` runs as attempt 1."""
    mine, foreign = subjects.status(own), subjects.status(STRANGER)
    return [
        (mine, b"", "bad_json"),
        (mine, b"{", "bad_json"),
        (mine, b"null", "bad_json"),
        (mine, b"[]", "bad_json"),
        (mine, b"\xff\xfe{}", "bad_json"),
        (mine, NESTED, "bad_json"),
        (mine, OVERSIZE, "too_large"),
        (mine, status(7), "bad_json"),
        (mine, status(job_id, attempt="1"), "bad_json"),
        (mine, status(job_id, timestamp=float("nan")), "bad_json"),
        (mine, status(job_id, **SUCCESS, usage={"wall_ms": float("inf")}), "bad_json"),
        (mine, status(job_id, **SUCCESS, usage={"cpu_ms": 10**30}), "implausible"),
        (mine, status(job_id, **SUCCESS, usage={"wall_ms": -1}), "implausible"),
        (mine, status(job_id, state="rich"), "implausible"),
        (mine, status(job_id, state="returned", reason="bored"), "implausible"),
        (mine, status(job_id, state="succeeded"), "implausible"),
        (mine, status(job_id, attempt=2), "id_mismatch"),
        (mine, status(f"{job_id}_2", **SUCCESS), "stale_attempt"),
        (mine, status(f"{job_id}_x"), "unknown_job"),
        (mine, status(UNKNOWN_JOB, **SUCCESS), "unknown_job"),
        (mine, status(""), "unknown_job"),
        (mine, status("*"), "unknown_job"),
        (mine, status("a.b"), "unknown_job"),
        (mine, status("a b\r\nX: y"), "unknown_job"),
        (mine, status("\ud800"), "bad_json"),
        (mine, status("x" * 5_000), "unknown_job"),
        (foreign, status(job_id, **SUCCESS), "not_owner"),
        (foreign, status(job_id, state="failed"), "not_owner"),
        (subjects.lease(STRANGER), status(job_id), "not_owner"),
        (
            subjects.lease(own),
            json.dumps({"job_id": job_id, "extend_seconds": 10**6}).encode(),
            "implausible",
        ),
        (subjects.heartbeat(STRANGER), beat(STRANGER), "unknown_island"),
        (subjects.heartbeat(own), beat(STRANGER), "id_mismatch"),
        (subjects.heartbeat(own), beat(own, asking_prices={"_default": "NaN"}), "implausible"),
        (subjects.heartbeat(own), beat(own, asking_prices={"_default": "1e999999"}), "implausible"),
        (subjects.REGISTER, registration(STRANGER), "unknown_island"),
        (subjects.REGISTER, registration("a.b"), "unknown_island"),
        (subjects.REGISTER, registration(""), "unknown_island"),
        (subjects.REGISTER, registration(own, slots=10**9), "implausible"),
        (subjects.REGISTER, registration(own, disk_free_mb=10**30), "implausible"),
    ]


async def test_every_hostile_claim_is_kept_with_its_code_and_stops_nobody(network: Network) -> None:
    await network.add_coordinator()
    island = await network.add_island("only")
    slug = await network.publish(3)
    own = IslandId((await network.host("only"))["id"])
    job_id = await network.submit(slug, "under attack")
    await network.until_output(job_id)
    async with network.as_island() as attacker, network.as_operator() as client:
        sent = {}
        for subject, body, code in hostile_claims(own, job_id):
            receipt = await attacker.jetstream().publish(subject, body)
            sent[receipt.stream, receipt.seq] = (code, subject, body[:80])

        await attacker.jetstream().publish(subjects.heartbeat(own), unprintable(own))
        await eventually(lambda: nothing_pends(client))
        kept = {
            (one.claim_stream, one.claim_position): one.code for one in await RejectedClaims(client).all()
        }
    assert {place: (kept.get(place), *claim[1:]) for place, claim in sent.items()} == sent

    await assert_all_succeeded_once(network, [job_id, await network.submit(slug, "afterwards")])
    shown = (await network.timeline(job_id))["rejected_claims"]
    assert {"not_owner", "stale_attempt"} <= {claim["code"] for claim in shown}
    assert island.runs
    assert (await network.http.get("/health")).json()["failing_workers"] == []


async def nothing_pends(client: Client) -> bool:
    """Whether no claim waits to be delivered again."""
    infos = [
        await client.jetstream().consumer_info(stream, subjects.INTAKE)
        for stream in (subjects.JOB_STATUS, subjects.HEARTBEATS)
    ]
    return not any(info.num_pending or info.num_ack_pending for info in infos)
