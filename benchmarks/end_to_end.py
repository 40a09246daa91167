"""No-op jobs through everything: HTTP in, `completed` seen by WebSocket out, on the embedded network as `up` starts it.

One at a time gives the latency; many submitters in a closed loop and several islands (each takes one job at a time on
two cores) give the sustained rate. The cargo is a module that
reads nothing and prints two lines, so what is measured is the network around it. The event log syncs every commit.
"""

import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import psutil
import wasmtime
from websockets.asyncio.client import ClientConnection, connect

START_S = 60.0
ISLANDS = 6
SUBMITTERS = 16
JOB_WAIT_S = 60.0

LINES = '{"type":"token","content":"ok"}\\0a{"type":"done","usage":{}}\\0a'
NO_OP = f"""
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "{LINES.replace('"', chr(92) + "22")}")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const {len(LINES) - 4}))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndToEnd:
    """Latencies in milliseconds from the first byte of the POST to `completed` in a WebSocket frame."""

    p50_ms: float
    p99_ms: float
    jobs_per_s: float
    idle_rss_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    url: str
    key: str
    pid: int
    nats_url: str
    nats_keys: str


@asynccontextmanager
async def network(*options: str) -> AsyncIterator[Running]:
    """`archipelago up` with these options in a temporary data directory, stopped and removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="archipelago-bench-", ignore_cleanup_errors=True) as root:
        environment = os.environ | {
            "ARCHIPELAGO_REQUESTS_PER_MINUTE": "1000000",
            "ARCHIPELAGO_JOB_READS_PER_MINUTE": "1000000",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli.main", "up", "--data-dir", root, "--port", "0", *options,
            env=environment, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            described = Path(root) / "run" / "network.json"
            async with asyncio.timeout(START_S):
                while not described.exists():
                    assert process.returncode is None, "archipelago up could not start; it says why above"
                    await asyncio.sleep(0.1)
            found = json.loads(described.read_text())
            yield Running(
                url=found["url"],
                key=Path(found["key_file"]).read_text().strip(),
                pid=process.pid,
                nats_url=found["nats_url"],
                nats_keys=found["nats_keys"],
            )
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            await process.wait()


@asynccontextmanager
async def more_islands(running: Running, client: httpx.AsyncClient, count: int) -> AsyncIterator[None]:
    """`count` further islands as processes of their own, online when this begins and ended with it."""
    with tempfile.TemporaryDirectory(prefix="archipelago-bench-", ignore_cleanup_errors=True) as root:
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "island",
                env=os.environ
                | {
                    "ARCHIPELAGO_ISLAND_COORDINATOR_URL": running.url,
                    "ARCHIPELAGO_ISLAND_KEY": running.key,
                    "ARCHIPELAGO_ISLAND_STATE_DIR": f"{root}/{number}",
                    "ARCHIPELAGO_ISLAND_NAME": f"island-{number}",
                },
                stdout=asyncio.subprocess.DEVNULL,
            )
            for number in range(count)
        ]  # fmt: skip
        try:
            async with asyncio.timeout(START_S):
                while await islands_online(client) <= count:  # noqa: ASYNC110 - seen by HTTP, made by other processes
                    await asyncio.sleep(0.2)
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            for process in processes:
                await process.wait()


async def islands_online(client: httpx.AsyncClient) -> int:
    hosts = (await client.get("/hosts")).json()["hosts"]
    return sum(host["status"] == "online" and bool(host.get("runtimes")) for host in hosts)


async def publish_no_op(client: httpx.AsyncClient) -> None:
    module = bytes(wasmtime.wat2wasm(NO_OP))
    digest = f"sha256:{sha256(module).hexdigest()}"
    (await client.put(f"/artifacts/{digest}", content=module)).raise_for_status()
    manifest = {
        "slug": "no-op",
        "version": "1.0.0",
        "name": "No operation",
        "description": "Prints two lines.",
        "runtime": "wasm",
        "artifact": {"file": "no_op.wasm", "digest": digest},
        "determinism": "exact",
        "trust_level": 0,
        "limits": {"memory_mb": 16, "wall_s": 10, "fuel": 10_000_000, "output_bytes": 4000},
        "requirements": {"ram_mb": 16, "cpu_cores": 1},
        "price_micro": 1000,
        "target_score": 100,
        "input_schema": {"type": "object"},
        "output_schema": {"type": "object"},
    }
    (await client.post("/workloads", json=manifest)).raise_for_status()


class Completions:
    """What the WebSocket says has completed, and who waits for it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._waiting: dict[str, asyncio.Future[float]] = {}
        self._early: dict[str, float] = {}

    async def listen(self) -> None:
        await self._socket.send(json.dumps({"type": "subscribe", "id": "jobs", "topic": "jobs"}))
        async for text in self._socket:
            self._take(json.loads(text))

    def _take(self, frame: dict[str, Any]) -> None:
        rows = frame.get("rows", [])
        if frame["type"] != "snapshot":
            rows = [change["row"] for change in rows] or [frame.get("row")]
        for row in filter(None, rows):
            if row["data"]["status"] == "completed":
                waiting = self._waiting.pop(row["id"], None)
                if waiting is None:
                    self._early[row["id"]] = time.perf_counter()
                else:
                    waiting.set_result(time.perf_counter())

    async def of(self, job_id: str) -> float:
        if job_id in self._early:
            return self._early.pop(job_id)
        self._waiting[job_id] = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(JOB_WAIT_S):
            return await self._waiting[job_id]


async def one_job(client: httpx.AsyncClient, completions: Completions) -> float:
    """Seconds from submission to completion."""
    started = time.perf_counter()
    answer = await client.post("/jobs", json={"workload": "no-op", "input": {}})
    answer.raise_for_status()
    return await completions.of(answer.json()["id"]) - started


async def sustained(client: httpx.AsyncClient, completions: Completions, seconds: float) -> float:
    """Jobs per second with `SUBMITTERS` submitters that each wait for their job."""
    until = time.perf_counter() + seconds
    done = 0

    async def submitter() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await one_job(client, completions)
            done += 1

    started = time.perf_counter()
    await asyncio.gather(*(submitter() for _ in range(SUBMITTERS)))
    return done / (time.perf_counter() - started)


def program_rss_mb(pid: int) -> float:
    """Resident memory of the coordinator and the island with its workers, without the servers."""
    programs = [
        process
        for child in psutil.Process(pid).children()
        if any(name in child.cmdline() for name in ("api", "island"))
        for process in (child, *child.children(recursive=True))
    ]
    return sum(process.memory_info().rss for process in programs) / 2**20


async def run(jobs: int = 200, seconds: float = 15.0) -> EndToEnd:
    async with network() as running:
        headers = {"Authorization": f"Bearer {running.key}"}
        idle_rss_mb = program_rss_mb(running.pid)
        async with (
            httpx.AsyncClient(base_url=f"{running.url}/api/v1", headers=headers, timeout=60) as client,
            connect(
                f"{running.url.replace('http', 'ws', 1)}/api/v1/ws", additional_headers=headers, max_size=None
            ) as socket,
        ):
            await publish_no_op(client)
            completions = Completions(socket)
            listening = asyncio.create_task(completions.listen())
            for _ in range(20):
                await one_job(client, completions)
            latencies_ms = sorted([1000 * await one_job(client, completions) for _ in range(jobs)])
            async with more_islands(running, client, ISLANDS - 1):
                rate = await sustained(client, completions, seconds)
            listening.cancel()
    return EndToEnd(
        p50_ms=statistics.median(latencies_ms),
        p99_ms=latencies_ms[int(len(latencies_ms) * 0.99)],
        jobs_per_s=rate,
        idle_rss_mb=idle_rss_mb,
    )


async def main() -> None:
    found = await run()
    print(
        f"no-op job, one at a time: p50 {found.p50_ms:.1f} ms, p99 {found.p99_ms:.1f} ms; "
        f"{SUBMITTERS} submitters, {ISLANDS} islands: {found.jobs_per_s:.0f} jobs/s; "
        f"idle coordinator and island: {found.idle_rss_mb:.0f} MB"
    )


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
