"""The whole daemon as a process of its own, against a real NATS server, running the real wasm-hash."""

import asyncio
import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from nats.aio.msg import Msg

from adapters.nats import subjects
from adapters.nats.accounts.layout import IslandAccount
from adapters.nats.accounts.roles import Role
from adapters.nats.accounts.system import SystemAccount
from adapters.nats.streams import create_streams
from adapters.wire import ALREADY_PAIRED, SUSPENDED, AssignJob, PairingAnswer, encode
from domain.ids import IslandId
from island.main import SENT_AWAY
from tests.fabric import Fabric
from tests.island.coordinator import KEY, LIFE_S, Admit, Coordinator, running_coordinator
from tests.island.network import WAIT_S, Network, assignment
from tests.servers import nats_on, temporary_data_directory

ROOT = Path(__file__).resolve().parents[2]
MODULE = (ROOT / "cargos" / "wasm_hash" / "hash.wasm").read_bytes()
DIGEST = f"sha256:{hashlib.sha256(MODULE).hexdigest()}"
# (module (memory (export "memory") 1) (func (export "_start") (loop (br 0)))): runs until it is stopped.
ENDLESS = bytes.fromhex(
    "0061736d01000000010401600000030201000503010001071302066d656d6f7279020006"
    "5f737461727400000a0901070003400c000b0b"
)
ENDLESS_DIGEST = f"sha256:{hashlib.sha256(ENDLESS).hexdigest()}"


class Daemon:
    """Without a coordinator it goes on where it has joined; `more` are settings."""

    def __init__(
        self, state_dir: Path, coordinator: Coordinator | None, *, key: str | None = KEY, **more: str
    ) -> None:
        self.output = state_dir.parent / "output.txt"
        environment = {
            "PATH": os.environ["PATH"],
            "ARCHIPELAGO_ISLAND_STATE_DIR": str(state_dir),
            "ARCHIPELAGO_ISLAND_NAME": "test island",
            "ARCHIPELAGO_ISLAND_SLOTS": "1",
            "ARCHIPELAGO_ISLAND_ASKS": '{"_default":"0.25"}',
        }
        if coordinator is not None:
            environment["ARCHIPELAGO_ISLAND_COORDINATOR_URL"] = coordinator.url
        if key is not None:
            environment["ARCHIPELAGO_ISLAND_KEY"] = key
        environment |= {f"ARCHIPELAGO_ISLAND_{name.upper()}": value for name, value in more.items()}
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "island"],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    async def until(self, text: str, wait_s: float = WAIT_S) -> str:
        """Everything it printed, once `text` is among it."""
        ends_at_s = time.monotonic() + wait_s
        while time.monotonic() < ends_at_s:
            printed = self.output.read_text()
            if text in printed:
                return printed
            await asyncio.sleep(0.02)
        raise AssertionError(f"no {text!r} after {wait_s} s in: {self.output.read_text()}")

    async def end(self, number: signal.Signals, wait_s: float = WAIT_S) -> int:
        self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, wait_s)


@contextmanager
def daemon(
    state_dir: Path, coordinator: Coordinator | None, *, key: str | None = KEY, **more: str
) -> Iterator[Daemon]:
    running = Daemon(state_dir, coordinator, key=key, **more)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server, a coordinator and an island that has joined: with a key it waits for jobs, without for its owner."""

    fabric: Fabric
    coordinator: Coordinator
    island: Daemon
    island_id: IslandId
    state_dir: Path

    @asynccontextmanager
    async def network(self) -> AsyncIterator[Network]:
        async with self.fabric.connected(Role.DEPLOY) as client:
            yield Network(client, self.island_id)

    async def make(self, **changes: Any) -> None:
        """Let the server know the island with these changes."""
        await self.fabric.push(replace(self.account, **changes))

    async def kick(self) -> None:
        async with self.fabric.connected(Role.REGISTRAR) as client:
            await SystemAccount(client).kick(self.island_id)

    @property
    def account(self) -> IslandAccount:
        return IslandAccount(
            island_id=self.island_id, user_key=self.coordinator.enrolled[-1]["user_key"], is_paired=True
        )


@contextmanager
def settled(state_dir: Path, *, key: str | None = KEY) -> Iterator[Place]:
    with temporary_data_directory() as directory, running_coordinator() as coordinator:
        server = nats_on(directory)
        asyncio.run(server.start())
        try:
            fabric = Fabric(server)
            asyncio.run(deploy(fabric))
            coordinator.nats_url, coordinator.admit = server.url, admitting(fabric)
            coordinator.artifacts = {"/hash": MODULE, "/endless": ENDLESS}
            with daemon(state_dir, coordinator, key=key) as island:
                printed = asyncio.run(island.until("\nconnected"))
                island_id = IslandId(printed.partition(", id ")[2].split()[0])
                asyncio.run(fabric.give_queue(island_id))
                yield Place(
                    fabric=fabric,
                    coordinator=coordinator,
                    island=island,
                    island_id=island_id,
                    state_dir=state_dir,
                )
        finally:
            asyncio.run(server.stop())


async def deploy(fabric: Fabric) -> None:
    async with fabric.connected(Role.DEPLOY) as client:
        await create_streams(client)


def admitting(fabric: Fabric) -> Admit:
    """What the registrar does with an enrolment and a renewal. No two of its documents are alike."""
    numbers = itertools.count(1)

    def admit(island_id: str, user_key: str, is_paired: bool) -> str:
        island = IslandAccount(
            island_id=island_id,
            user_key=user_key,
            is_paired=is_paired,
            revoked_before_s=next(numbers),
        )
        asyncio.run(fabric.push(island))
        now_s = int(time.time())
        return fabric.keys.user_jwt(island, issued_at_s=now_s, expires_at_s=now_s + LIFE_S)

    return admit


class Edge:
    """Answers questions about pairing with `answer`."""

    def __init__(self, answer: PairingAnswer) -> None:
        self.answer = answer

    async def reply(self, message: Msg) -> None:
        await message.respond(encode(self.answer))


@asynccontextmanager
async def edge_of(place: Place, answer: PairingAnswer) -> AsyncIterator[Edge]:
    edge = Edge(answer)
    async with place.fabric.connected(Role.EDGE) as client:
        await client.subscribe(f"{subjects.PAIRING}.*", cb=edge.reply)
        await client.flush()
        yield edge


@pytest.fixture(scope="module")
def shared_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """For the tests that leave the island as they found it."""
    with settled(tmp_path_factory.mktemp("island") / "state") as place:
        yield place


@pytest.fixture
def own_place(tmp_path: Path) -> Iterator[Place]:
    """For the tests that end it."""
    with settled(tmp_path / "state") as place:
        yield place


@pytest.fixture
def pending_place(tmp_path: Path) -> Iterator[Place]:
    """With an island that has no owner yet."""
    with settled(tmp_path / "state", key=None) as place:
        yield place


@pytest.fixture
async def network(shared_place: Place) -> AsyncIterator[Network]:
    async with shared_place.network() as network:
        yield network


@pytest.fixture
async def own_network(own_place: Place) -> AsyncIterator[Network]:
    async with own_place.network() as network:
        yield network


@pytest.fixture
async def pending_network(pending_place: Place) -> AsyncIterator[Network]:
    async with pending_place.network() as network:
        yield network


def hash_job(coordinator: Coordinator, job_id: str, text: bytes = b"{}", attempt: int = 1) -> AssignJob:
    return assignment(
        job_id,
        attempt,
        text=text,
        digest=DIGEST,
        url=f"{coordinator.url}/hash",
        runtime="wasm",
        slug="wasm-hash",
    )


def endless_job(coordinator: Coordinator, job_id: str, attempt: int = 1) -> AssignJob:
    return assignment(
        job_id,
        attempt,
        digest=ENDLESS_DIGEST,
        url=f"{coordinator.url}/endless",
        runtime="wasm",
        slug="endless",
        wall_ms=120_000,
    )


def registrations(claims: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in claims if "capabilities" in one]


async def heartbeats(network: Network) -> list[str]:
    return [one["status"] for one in await network.claims(subjects.HEARTBEATS) if one["kind"] == "heartbeat"]


async def test_a_job_gives_what_hashlib_gives(shared_place: Place, network: Network) -> None:
    text = "Grüße, archipelago"
    job = hash_job(shared_place.coordinator, "hash", json.dumps({"text": text}).encode())
    await network.assign(job)

    assert await network.states("hash", "succeeded") == ["started", "streaming", "succeeded"]
    chunk, final = await network.output("hash")
    assert json.loads(chunk["chunk"])["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    claim = (await network.claims(subjects.JOB_STATUS))[-1]
    digest = f"sha256:{hashlib.sha256(chunk['chunk'].encode()).hexdigest()}"
    assert (final["seq"], final["count"], final["digest"], final.get("chunk", "")) == (2, 1, digest, "")
    assert (claim["count"], claim["digest"], claim["attempt"]) == (1, digest, 1)
    assert claim["usage"] == final["usage"]
    assert claim["usage"]["completion_tokens"] == 1
    assert await network.waiting_jobs() == 0


async def test_it_enrols_registers_and_shows_that_it_is_alive(shared_place: Place, network: Network) -> None:
    claims = await network.until(
        subjects.HEARTBEATS, lambda claims: any(one["kind"] == "heartbeat" for one in claims)
    )
    beat = next(one for one in claims if one["kind"] == "heartbeat")
    (enrolment,) = shared_place.coordinator.enrolled

    assert (enrolment["account_key"], enrolment["name"]) == (network.island_id, "test island")
    assert (beat["host_id"], beat["status"], beat["protocol"]) == (network.island_id, "online", 2)
    assert beat["asking_prices"] == {"_default": "0.25"}


async def test_a_job_message_that_nobody_can_read_is_answered_and_ended(
    shared_place: Place, network: Network
) -> None:
    await network.put(b"{")
    await network.put(b'{"job_id":"unreadable","input":{}}')
    await network.assign(hash_job(shared_place.coordinator, "readable", b'{"text":""}'))

    assert await network.states("readable", "succeeded") == ["started", "streaming", "succeeded"]
    (refused,) = [one for one in await network.claims(subjects.JOB_STATUS) if one["job_id"] == "unreadable"]
    assert (refused["state"], refused["code"]) == ("refused", "bad_assignment")
    assert "lease_expires" in refused["error"]
    assert await network.waiting_jobs() == 0


async def test_a_repeated_job_message_is_acknowledged_and_not_run_again(
    shared_place: Place, network: Network
) -> None:
    for attempt in (2, 2, 1):
        await network.assign(hash_job(shared_place.coordinator, "repeated", b'{"text":""}', attempt))
    await network.assign(hash_job(shared_place.coordinator, "next", b'{"text":""}'))
    await network.states("next", "succeeded")

    claims = await network.claims(subjects.JOB_STATUS)
    states = [one["state"] for one in claims if one["job_id"] == "repeated_2"]
    assert states == ["started", "streaming", "succeeded"]
    assert not [one for one in claims if one["job_id"] == "repeated"]
    assert await network.waiting_jobs() == 0


async def test_a_cancelled_job_is_dead_within_a_second(shared_place: Place, network: Network) -> None:
    await network.assign(endless_job(shared_place.coordinator, "cancelled"))
    await network.states("cancelled", "started")
    asked_at_s = time.monotonic()
    await network.cancel("cancelled")

    assert await network.states("cancelled", "cancelled") == ["started", "cancelled"]
    assert time.monotonic() - asked_at_s < 1.0


async def test_it_survives_a_restart_of_its_server(shared_place: Place, network: Network) -> None:
    await shared_place.fabric.server.stop()
    await shared_place.island.until("the network is gone")
    await shared_place.fabric.server.start()
    await shared_place.island.until("connected again")

    claims = await network.until(subjects.HEARTBEATS, lambda claims: len(registrations(claims)) >= 2)
    registration = registrations(claims)[-1]
    assert (registration["kind"], registration["protocol"]) == (network.island_id, 2)
    assert (registration["slots"], registration["supported_runtimes"]) == (1, ["wasm"])
    assert registration["self_tests"][0]["passed"] is True
    await network.assign(hash_job(shared_place.coordinator, "restarted", b'{"text":""}'))
    assert await network.states("restarted", "succeeded") == ["started", "streaming", "succeeded"]


async def test_two_daemons_on_one_state_directory_are_one_too_many(
    shared_place: Place, tmp_path: Path
) -> None:
    with daemon(shared_place.state_dir, shared_place.coordinator) as second:
        assert await asyncio.to_thread(second.process.wait, WAIT_S) == 1
        holder = shared_place.island.process.pid
        assert f"process {holder} runs the island of" in second.output.read_text()


async def test_a_second_signal_gives_back_what_runs(own_place: Place, own_network: Network) -> None:
    await own_network.assign(endless_job(own_place.coordinator, "job-1"))
    await own_network.states("job-1", "started")
    own_place.island.process.send_signal(signal.SIGTERM)
    await own_place.island.until("finishing 1 running")

    assert await own_place.island.end(signal.SIGTERM) == 0
    assert await own_network.states("job-1", "returned") == ["started", "returned"]
    assert (await own_network.claims(subjects.JOB_STATUS))[-1]["reason"] == "drain"
    assert (await heartbeats(own_network))[-1] == "offline"


async def test_what_ran_when_it_was_killed_is_reported_at_the_next_start(
    own_place: Place, own_network: Network
) -> None:
    await own_network.assign(endless_job(own_place.coordinator, "job-1"))
    await own_network.states("job-1", "started")
    await own_place.island.end(signal.SIGKILL)

    with daemon(own_place.state_dir, own_place.coordinator, key=None) as again:
        assert await own_network.states("job-1", "returned") == ["started", "returned"]
        assert (await own_network.claims(subjects.JOB_STATUS))[-1]["reason"] == "restart"
        await own_network.assign(hash_job(own_place.coordinator, "job-2", b'{"text":""}'))
        await own_network.states("job-2", "succeeded")
        assert f"known, id {own_network.island_id}" in again.output.read_text()
        assert await again.end(signal.SIGTERM) == 0
    assert (await heartbeats(own_network))[-2:] == ["draining", "offline"]
    assert "left the network" in again.output.read_text()
    assert not list((own_place.state_dir / "attempts").iterdir())


async def test_a_pending_island_shows_its_code_and_works_once_it_is_paired_without_a_restart(
    pending_place: Place, pending_network: Network
) -> None:
    coordinator, island = pending_place.coordinator, pending_place.island
    answer = PairingAnswer(success=True, code="ABC234", pair_url=f"{coordinator.url}/pair")
    async with edge_of(pending_place, answer) as edge:
        await pending_network.assign(hash_job(coordinator, "job-1", b'{"text":""}'))
        printed = await island.until("archipelago island pair ABC234")
        assert f"type the code ABC234 at {coordinator.url}/pair or run" in printed
        await pending_network.until(subjects.HEARTBEATS, lambda claims: len(claims) >= 2)
        assert await pending_network.claims(subjects.JOB_STATUS) == []

        await pending_place.make(is_paired=True)
        edge.answer = PairingAnswer(success=False, error=ALREADY_PAIRED)
        await island.until("paired; waiting for jobs")
        assert await pending_network.states("job-1", "succeeded") == ["started", "streaming", "succeeded"]
        # It told who it is when it came, and again when somebody listened.
        assert len(registrations(await pending_network.claims(subjects.HEARTBEATS))) == 2
    assert "the network is gone" not in island.output.read_text()


async def test_an_interrupted_wait_for_the_owner_goes_on_at_the_next_start(pending_place: Place) -> None:
    async with edge_of(pending_place, PairingAnswer(success=True, code="ABC234")):
        await pending_place.island.until("ABC234")
        assert await pending_place.island.end(signal.SIGINT) == 0
        pending_place.island.output.write_text("")
        with daemon(pending_place.state_dir, None, key=None) as again:
            printed = await again.until("ABC234")
    assert f"known, id {pending_place.island_id}" in printed
    assert len(pending_place.coordinator.enrolled) == 1


async def test_a_suspended_island_stops_its_jobs_shows_that_it_is_alive_and_works_again_afterwards(
    own_place: Place, own_network: Network
) -> None:
    await own_network.assign(endless_job(own_place.coordinator, "job-1"))
    await own_network.states("job-1", "started")
    async with edge_of(own_place, PairingAnswer(success=False, error=SUSPENDED)) as edge:
        await own_place.make(is_paired=False)
        await own_place.kick()
        await own_place.island.until("suspended by the operator")
        beats = len(await heartbeats(own_network))
        await own_network.until(subjects.HEARTBEATS, lambda claims: len(claims) > beats)

        await own_place.make(is_paired=True)
        edge.answer = PairingAnswer(success=False, error=ALREADY_PAIRED)
        await own_place.kick()
        await own_place.island.until("paired; waiting for jobs")
        # It has one slot, which the first job does not hold any more.
        await own_network.assign(hash_job(own_place.coordinator, "job-2", b'{"text":""}'))
        await own_network.states("job-2", "succeeded")
        assert await own_network.states("job-1", "started") == ["started"]
    assert own_place.island.output.read_text().count("suspended") == 1


async def test_a_removed_island_ends_says_so_and_stays_away_until_it_joins_again(
    own_place: Place, own_network: Network
) -> None:
    coordinator = own_place.coordinator
    await own_network.assign(endless_job(coordinator, "job-1"))
    await own_network.states("job-1", "started")
    coordinator.refusals[own_place.island_id] = "island_removed"
    async with own_place.fabric.connected(Role.REGISTRAR) as client:
        order = own_place.fabric.keys.deletion_jwt([own_place.island_id], issued_at_s=int(time.time()))
        await SystemAccount(client).delete(order)

    farewell = (
        f"this island was removed by its owner; to join again: archipelago island join {coordinator.url} "
        "(with the options of the first time)"
    )
    assert await asyncio.to_thread(own_place.island.process.wait, WAIT_S) == SENT_AWAY
    assert own_place.island.output.read_text().splitlines()[-1] == farewell
    with daemon(own_place.state_dir, coordinator) as again:
        assert await asyncio.to_thread(again.process.wait, WAIT_S) == SENT_AWAY
        assert again.output.read_text().splitlines()[-1] == farewell

    del coordinator.refusals[own_place.island_id]
    own_place.island.output.write_text("")
    with daemon(own_place.state_dir, coordinator, joins_again="true") as back:
        assert f"known, id {own_place.island_id}" in await back.until("waiting for jobs")


async def test_a_start_that_has_not_joined_says_how_to(tmp_path: Path) -> None:
    with daemon(tmp_path / "state", None) as first:
        assert await asyncio.to_thread(first.process.wait, WAIT_S) == 1
        assert "archipelago island join URL" in first.output.read_text()
