"""The whole daemon as a process of its own, against a real NATS server, running the real wasm-hash."""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import nats
import pytest

from adapters.embedded.nats_server import NatsServer
from adapters.nats import subjects
from adapters.wire import AssignJob
from domain.ids import IslandId
from tests.island.coordinator import KEY, Coordinator, running_coordinator
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
    def __init__(self, state_dir: Path, coordinator: Coordinator, *, key: str | None = KEY) -> None:
        self.output = state_dir.parent / "output.txt"
        environment = {
            "PATH": os.environ["PATH"],
            "ARCHIPELAGO_ISLAND_COORDINATOR_URL": coordinator.url,
            "ARCHIPELAGO_ISLAND_STATE_DIR": str(state_dir),
            "ARCHIPELAGO_ISLAND_NAME": "test island",
            "ARCHIPELAGO_ISLAND_SLOTS": "1",
            "ARCHIPELAGO_ISLAND_ASKS": '{"_default":"0.25"}',
        }
        if key is not None:
            environment["ARCHIPELAGO_ISLAND_KEY"] = key
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
def daemon(state_dir: Path, coordinator: Coordinator, *, key: str | None = KEY) -> Iterator[Daemon]:
    running = Daemon(state_dir, coordinator, key=key)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server, a coordinator and an island that has joined and waits for jobs."""

    server: NatsServer
    coordinator: Coordinator
    island: Daemon
    island_id: IslandId
    state_dir: Path

    @asynccontextmanager
    async def network(self) -> AsyncIterator[Network]:
        client = await nats.connect(
            self.server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.05, error_cb=_silent
        )
        try:
            yield Network(client, self.island_id)
        finally:
            await client.close()


@contextmanager
def settled(state_dir: Path) -> Iterator[Place]:
    with temporary_data_directory() as directory, running_coordinator() as coordinator:
        server = nats_on(directory)
        asyncio.run(server.start())
        try:
            coordinator.credentials = credentials_of(server)
            coordinator.artifacts = {"/hash": MODULE, "/endless": ENDLESS}
            with daemon(state_dir, coordinator) as island:
                printed = asyncio.run(island.until("waiting for jobs"))
                island_id = IslandId(printed.partition(", id ")[2].split()[0])
                place = Place(
                    server=server,
                    coordinator=coordinator,
                    island=island,
                    island_id=island_id,
                    state_dir=state_dir,
                )
                asyncio.run(deploy(place))
                yield place
        finally:
            asyncio.run(server.stop())


async def deploy(place: Place) -> None:
    async with place.network() as network:
        await network.deploy()


def credentials_of(server: NatsServer) -> dict[str, str]:
    access, _, address = server.island_url.removeprefix("nats://").rpartition("@")
    user, _, password = access.partition(":")
    return {"nats_url": f"nats://{address}", "user": user, "password": password}


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
async def network(shared_place: Place) -> AsyncIterator[Network]:
    async with shared_place.network() as network:
        yield network


@pytest.fixture
async def own_network(own_place: Place) -> AsyncIterator[Network]:
    async with own_place.network() as network:
        yield network


async def _silent(_: Exception) -> None:
    """That a server goes away is what some tests are about."""


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
    # What it said before the streams were made went nowhere: this is a later heartbeat.
    claims = await network.until(
        subjects.HEARTBEATS, lambda claims: any(one["kind"] == "heartbeat" for one in claims)
    )
    beat = next(one for one in claims if one["kind"] == "heartbeat")
    platform = shared_place.coordinator.enrolled[0]["platform"]

    assert shared_place.coordinator.enrolled == [
        {"account_key": network.island_id, "name": "test island", "platform": platform}
    ]
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
    await shared_place.server.stop()
    await shared_place.island.until("the network is gone")
    await shared_place.server.start()
    await shared_place.island.until("connected again")

    claims = await network.until(
        subjects.HEARTBEATS, lambda claims: any(one["kind"] == "register" for one in claims)
    )
    registration = next(one for one in claims if one["kind"] == "register")
    assert (registration["host_id"], registration["protocol"]) == (network.island_id, 2)
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


async def test_a_first_start_without_a_key_says_what_is_missing(tmp_path: Path) -> None:
    with running_coordinator() as coordinator, daemon(tmp_path / "state", coordinator, key=None) as first:
        assert await asyncio.to_thread(first.process.wait, WAIT_S) == 1
        assert "set ARCHIPELAGO_ISLAND_KEY" in first.output.read_text()


async def test_credentials_that_the_network_refuses_end_it_with_advice(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    with running_coordinator() as coordinator:
        coordinator.credentials = credentials_of(nats_server) | {"password": "wrong"}
        with daemon(tmp_path / "state", coordinator) as refused:
            assert await asyncio.to_thread(refused.process.wait, WAIT_S) == 1
            assert "delete credentials.json" in refused.output.read_text()
