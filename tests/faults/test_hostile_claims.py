"""Claims that are wrong, foreign or malicious, sent by a paired island over the real wire, rightly signed or not.

Each is kept with its code, none comes again, nobody falls over, and the next good job runs.
"""

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from nats.aio.client import Client

from adapters.claim_envelope import CLAIM, SIGNATURE, seal
from adapters.claim_glance import job_named
from adapters.enrolment_proof import Purpose, prove
from adapters.nats import subjects
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import Role
from adapters.nats.rejection_history import RejectionHistory
from domain.ids import IslandId
from tests.fabric import JoinedIsland
from tests.faults.books import assert_all_succeeded_once
from tests.faults.network import Network, eventually

STRANGER: Final = IslandId("A" + 55 * "Z")
UNKNOWN_JOB: Final = "00000000-0000-4000-8000-000000000000"
SUCCESS: Final = {"state": "succeeded", "count": 1, "digest": "sha256:0", "timestamp": 1}
BEAT: Final = {"agent_version": "1", "status": "online", "active_jobs": 0, "timestamp": 1}
REGISTRATION: Final = {"version": "1", "capabilities": {"cpu_cores": 1, "ram_mb": 1}}
NESTED: Final = b'{"job_id":' + 30_000 * b"[" + 30_000 * b"]" + b"}"
KEPT_MAX: Final = 200
NAME_CHARACTERS_MAX: Final = 64


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


def hostile_bodies(own: IslandId, job_id: str) -> list[tuple[str, bytes, str]]:
    """Subject, body and the code it must be kept under. `job_id` is one that another island runs as attempt 1."""
    mine, beats, hello = subjects.status(own), subjects.heartbeat(own), subjects.REGISTER
    return [
        (mine, b"", "bad_json"),
        (mine, b"{", "bad_json"),
        (mine, b"null", "bad_json"),
        (mine, b"[]", "bad_json"),
        (mine, b"\xff\xfe{}", "bad_json"),
        (mine, NESTED, "bad_json"),
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
        (mine, status(job_id), "not_owner"),
        (mine, status(job_id, **SUCCESS), "not_owner"),
        (mine, status(job_id, state="failed"), "not_owner"),
        (subjects.lease(own), json.dumps({"job_id": job_id, "extend_seconds": 60}).encode(), "not_owner"),
        (
            subjects.lease(own),
            json.dumps({"job_id": job_id, "extend_seconds": 10**6}).encode(),
            "implausible",
        ),
        (beats, beat(STRANGER), "id_mismatch"),
        (beats, beat(own, asking_prices={"_default": "NaN"}), "implausible"),
        (beats, beat(own, asking_prices={"_default": "1e999999"}), "implausible"),
        (hello, registration(STRANGER), "id_mismatch"),
        (hello, registration("a.b"), "id_mismatch"),
        (hello, registration(""), "id_mismatch"),
        (hello, registration(own, slots=10**9), "implausible"),
        (hello, registration(own, disk_free_mb=10**30), "implausible"),
    ]


def hostile_envelopes(attacker: "Attacker", job_id: str) -> list[tuple[Mapping[str, str], str]]:
    """Headers of a claim about `job_id`, and the code it must be kept under."""
    body = status(job_id)
    seal_with = attacker.sealed
    good = seal_with(subjects.status(attacker.own), body)
    return [
        ({}, "bad_signature"),
        ({"Status": "409", "Description": "Consumer Deleted"}, "bad_signature"),
        ({name: good[name] for name in (CLAIM,)}, "bad_signature"),
        ({name: good[name] for name in (SIGNATURE,)}, "bad_signature"),
        (good | {SIGNATURE: 86 * "A"}, "bad_signature"),
        (good | {CLAIM: 20_000 * "A"}, "bad_signature"),
        (good | {CLAIM: "e30="}, "bad_signature"),
        (seal_with(subjects.status(attacker.own), body, user=NKey.new(Kind.USER)), "bad_signature"),
        (seal_with(subjects.status(attacker.own), body, island_id=STRANGER), "id_mismatch"),
        (seal_with(subjects.lease(attacker.own), body), "id_mismatch"),
        (seal_with(subjects.status(attacker.own), body, job=UNKNOWN_JOB), "id_mismatch"),
        (good | {"Status": "503"}, "not_owner"),
        (good, "replayed"),
    ]


class Attacker:
    """An island that enrolled as islands do, with a hostile owner at its keys."""

    def __init__(self, island: JoinedIsland) -> None:
        self.island = island
        self.own = island.island_id
        self._n = 0

    def sealed(self, subject: str, body: bytes, **fields: Any) -> dict[str, str]:
        """The envelope that belongs to a claim, or with other `fields` one that does not."""
        self._n += 1
        named = job_named(body)[:NAME_CHARACTERS_MAX]
        number = named.rpartition("_")[2]
        plain: dict[str, Any] = {
            "user": self.island.user,
            "island_id": self.own,
            "kind": subject.rpartition(".")[2],
            "job": named,
            "attempt": int(number) if number.isdigit() else int(bool(named)),
            "n": self._n,
        }
        return seal(**(plain | fields), claim_id=f"claim-{self._n}", at_ms=time.time_ns() // 10**6, body=body)


async def enrolled(network: Network) -> Attacker:
    """One more island of the local account, without a daemon."""
    account, user = NKey.new(Kind.ACCOUNT), NKey.new(Kind.USER)
    nonce = (await network.http.get("/islands/nonce")).raise_for_status().json()["nonce"]

    def proof(key: NKey) -> str:
        return prove(
            key,
            Purpose.ENROL,
            nonce=nonce,
            account_key=account.public,
            user_key=user.public,
            api_key=network.key,
        )

    asked = {
        "account_key": account.public,
        "user_key": user.public,
        "name": "attacker",
        "platform": "linux-x86_64",
        "nonce": nonce,
        "account_signature": proof(account),
        "user_signature": proof(user),
    }
    answer = (await network.http.post("/islands/enrol", json=asked)).raise_for_status().json()
    return Attacker(JoinedIsland(account=account, user=user, jwt=answer["user_jwt"], url=network.fabric.url))


async def test_every_hostile_claim_is_kept_with_its_code_and_stops_nobody(network: Network) -> None:
    await network.add_coordinator()
    island = await network.add_island("only")
    slug = await network.publish(3)
    job_id = await network.submit(slug, "under attack")
    await network.until_output(job_id)
    attacker = await enrolled(network)
    sent: dict[tuple[str, int], tuple[str, str, str]] = {}
    async with attacker.island.connected() as client:

        async def send(subject: str, body: bytes, headers: Mapping[str, str], code: str) -> None:
            answer = await client.request(subject, body, headers=dict(headers) or None, timeout=5)
            place = json.loads(answer.data)
            sent[place["stream"], place["seq"]] = (code, subject, str(body[:80]))

        for subject, body, code in hostile_bodies(attacker.own, job_id):
            await send(subject, body, attacker.sealed(subject, body), code)
        for headers, code in hostile_envelopes(attacker, job_id):
            await send(subjects.status(attacker.own), status(job_id), headers, code)
        odd = unprintable(attacker.own)
        await client.publish(
            subjects.heartbeat(attacker.own),
            odd,
            headers=attacker.sealed(subjects.heartbeat(attacker.own), odd),
        )
        await client.flush()

    async with network.as_operator() as operator, network.fabric.connected(Role.API) as reader:
        await eventually(lambda: nothing_pends(operator))
        history = await RejectionHistory(reader).of_island(attacker.own, limit=KEPT_MAX)
    kept = {(one.claim_stream, one.claim_position): one.code for one in history}
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
