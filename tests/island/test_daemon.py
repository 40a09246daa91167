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
from contextlib import contextmanager
from pathlib import Path

import nats
import pytest

from adapters.embedded.nats_server import NatsServer
from adapters.nats import subjects
from adapters.wire import AssignJob
from domain.ids import IslandId
from tests.island.coordinator import KEY, Coordinator, running_coordinator
from tests.island.network import WAIT_S, Network, assignment

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


@pytest.fixture
def coordinator(nats_server: NatsServer) -> Iterator[Coordinator]:
    with running_coordinator() as coordinator:
        url = nats_server.island_url
        user, _, password = url.removeprefix("nats://").rpartition("@")[0].partition(":")
        coordinator.credentials = {
            "nats_url": f"nats://{url.rpartition('@')[2]}",
            "user": user,
            "password": password,
        }
        coordinator.artifacts = {"/hash": MODULE, "/endless": ENDLESS}
        yield coordinator


@pytest.fixture
async def network(nats_server: NatsServer) -> AsyncIterator[Network]:
    client = await nats.connect(
        nats_server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.05, error_cb=_silent
    )
    yield Network(client, IslandId("unknown"))
    await client.close()


@pytest.fixture
async def island(network: Network, coordinator: Coordinator, tmp_path: Path) -> AsyncIterator[Daemon]:
    """Joined, connected, waiting for jobs."""
    with daemon(tmp_path / "state", coordinator) as running:
        printed = await running.until(", id A")
        network.island_id = IslandId(printed.partition(", id ")[2].split()[0])
        await network.deploy()
        await running.until("waiting for jobs")
        yield running


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


async def test_a_job_gives_what_hashlib_gives(
    island: Daemon, network: Network, coordinator: Coordinator
) -> None:
    text = "Grüße, archipelago"
    await network.assign(hash_job(coordinator, "job-1", json.dumps({"text": text}).encode()))

    assert await network.states("job-1", "succeeded") == ["started", "streaming", "succeeded"]
    chunk, final = await network.output("job-1")
    assert json.loads(chunk["chunk"])["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    claim = (await network.claims(subjects.JOB_STATUS))[-1]
    digest = f"sha256:{hashlib.sha256(chunk['chunk'].encode()).hexdigest()}"
    assert (final["seq"], final["count"], final["digest"], final.get("chunk", "")) == (2, 1, digest, "")
    assert (claim["count"], claim["digest"], claim["attempt"]) == (1, digest, 1)
    assert claim["usage"] == final["usage"]
    assert claim["usage"]["completion_tokens"] == 1
    assert await network.waiting_jobs() == 0


async def test_it_registers_and_shows_that_it_is_alive(
    island: Daemon, network: Network, coordinator: Coordinator
) -> None:
    claims = await network.until(subjects.HEARTBEATS, lambda claims: len(claims) >= 2)

    registration, beat = claims[0], claims[1]
    assert (registration["kind"], registration["host_id"], registration["protocol"]) == (
        "register",
        network.island_id,
        2,
    )
    assert (registration["name"], registration["slots"], registration["supported_runtimes"]) == (
        "test island",
        1,
        ["wasm"],
    )
    assert registration["self_tests"][0]["passed"] is True
    assert (beat["kind"], beat["status"], beat["free_slots"]) == ("heartbeat", "online", 1)
    assert beat["asking_prices"] == {"_default": "0.25"}
    assert coordinator.enrolled == [
        {"account_key": network.island_id, "name": "test island", "platform": registration["platform"]}
    ]


async def test_a_job_message_that_nobody_can_read_is_answered_and_ended(
    island: Daemon, network: Network, coordinator: Coordinator
) -> None:
    await network.put(b"{")
    await network.put(b'{"job_id":"job-1","input":{}}')
    await network.assign(hash_job(coordinator, "job-2", b'{"text":""}'))

    assert await network.states("job-2", "succeeded") == ["started", "streaming", "succeeded"]
    refused = (await network.claims(subjects.JOB_STATUS))[0]
    assert (refused["job_id"], refused["state"], refused["code"]) == ("job-1", "refused", "bad_assignment")
    assert "lease_expires" in refused["error"]
    assert await network.waiting_jobs() == 0


async def test_a_repeated_job_message_is_acknowledged_and_not_run_again(
    island: Daemon, network: Network, coordinator: Coordinator
) -> None:
    for attempt in (2, 2, 1):
        await network.assign(hash_job(coordinator, "job-1", b'{"text":""}', attempt))
    await network.assign(hash_job(coordinator, "job-2", b'{"text":""}'))
    await network.states("job-2", "succeeded")

    claims = await network.claims(subjects.JOB_STATUS)
    assert [one["state"] for one in claims if one["job_id"] == "job-1_2"] == [
        "started",
        "streaming",
        "succeeded",
    ]
    assert not [one for one in claims if one["job_id"] == "job-1"]
    assert await network.waiting_jobs() == 0


async def test_a_cancelled_job_is_dead_within_a_second(
    island: Daemon, network: Network, coordinator: Coordinator
) -> None:
    await network.assign(endless_job(coordinator, "job-1"))
    await network.states("job-1", "started")
    asked_at_s = time.monotonic()
    await network.cancel("job-1")

    assert (await network.states("job-1", "cancelled"))[-1] == "cancelled"
    assert time.monotonic() - asked_at_s < 1.0


async def test_a_first_signal_lets_it_finish_and_say_goodbye(
    island: Daemon, network: Network, coordinator: Coordinator
) -> None:
    await network.assign(hash_job(coordinator, "job-1", b'{"text":""}'))
    await network.states("job-1", "succeeded")

    assert await island.end(signal.SIGTERM) == 0
    beats = [one for one in await network.claims(subjects.HEARTBEATS) if one["kind"] == "heartbeat"]
    assert [one["status"] for one in beats][-2:] == ["draining", "offline"]
    assert "left the network" in island.output.read_text()


async def test_a_second_signal_gives_back_what_runs(
    island: Daemon, network: Network, coordinator: Coordinator
) -> None:
    await network.assign(endless_job(coordinator, "job-1"))
    await network.states("job-1", "started")
    island.process.send_signal(signal.SIGTERM)
    await island.until("finishing 1 running")

    assert await island.end(signal.SIGTERM) == 0
    assert (await network.states("job-1", "returned"))[-1] == "returned"
    assert (await network.claims(subjects.JOB_STATUS))[-1]["reason"] == "drain"
    beats = [one for one in await network.claims(subjects.HEARTBEATS) if one["kind"] == "heartbeat"]
    assert beats[-1]["status"] == "offline"


async def test_what_ran_when_it_was_killed_is_reported_at_the_next_start(
    island: Daemon, network: Network, coordinator: Coordinator, tmp_path: Path
) -> None:
    await network.assign(endless_job(coordinator, "job-1"))
    await network.states("job-1", "started")
    await island.end(signal.SIGKILL)

    with daemon(tmp_path / "state", coordinator, key=None) as again:
        assert (await network.states("job-1", "returned"))[-1] == "returned"
        assert (await network.claims(subjects.JOB_STATUS))[-1]["reason"] == "restart"
        await network.assign(hash_job(coordinator, "job-2", b'{"text":""}'))
        await network.states("job-2", "succeeded")
        assert f"known, id {network.island_id}" in again.output.read_text()
        await again.end(signal.SIGTERM)
    assert not list((tmp_path / "state" / "attempts").iterdir())


async def test_it_survives_the_end_of_its_server(
    island: Daemon, network: Network, coordinator: Coordinator, nats_server: NatsServer
) -> None:
    await network.assign(hash_job(coordinator, "job-1", b'{"text":""}'))
    await network.states("job-1", "succeeded")
    greetings = len([one for one in await network.claims(subjects.HEARTBEATS) if one["kind"] == "register"])

    await nats_server.stop()
    await nats_server.start()

    await network.until(
        subjects.HEARTBEATS,
        lambda claims: len([one for one in claims if one["kind"] == "register"]) > greetings,
    )
    await network.assign(hash_job(coordinator, "job-2", b'{"text":""}'))
    assert await network.states("job-2", "succeeded") == ["started", "streaming", "succeeded"]


async def test_two_daemons_on_one_state_directory_are_one_too_many(
    island: Daemon, coordinator: Coordinator, tmp_path: Path
) -> None:
    with daemon(tmp_path / "state", coordinator) as second:
        assert await asyncio.to_thread(second.process.wait, WAIT_S) == 1
        assert f"process {island.process.pid} runs the island of" in second.output.read_text()


async def test_a_first_start_without_a_key_says_what_is_missing(
    coordinator: Coordinator, tmp_path: Path
) -> None:
    with daemon(tmp_path / "state", coordinator, key=None) as first:
        assert await asyncio.to_thread(first.process.wait, WAIT_S) == 1
        assert "set ARCHIPELAGO_ISLAND_KEY" in first.output.read_text()
