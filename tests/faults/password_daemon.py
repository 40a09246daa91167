"""A daemon that knows no keys, only user and password in its URL, as the published one of the first dialect behaves.

It registers without runtimes and names them in heartbeats, asks once to be paired, finds no JetStream and listens for
jobs instead. It signs nothing, tells neither count nor digest, and names attempts by the wire id it was given.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from tests.faults import slow_cargo

HEARTBEAT_S: Final = 0.5
"""Twenty times as often as the published one, for the test's sake."""
REQUEST_S: Final = 5.0
NAME_CHARACTERS: Final = 8


@dataclass(slots=True)
class PasswordDaemon:
    """`answers` are what it was told at its start; `jobs` the assignments it got; the first `fails` of them fail."""

    client: Client
    host_id: str
    http: httpx.AsyncClient
    answers: dict[str, Any] = field(default_factory=dict)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    active: int = 0
    fails: int = 0

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: str) -> AsyncIterator[Self]:
        host_id = urlsplit(url).username
        assert host_id is not None
        client = await nats.connect(url, name=f"island-{host_id[:NAME_CHARACTERS]}", connect_timeout=10)
        async with httpx.AsyncClient() as http:
            daemon = cls(client, host_id, http)
            await daemon.begin()
            beating = asyncio.create_task(daemon.keep_beating())
            try:
                yield daemon
            finally:
                beating.cancel()
                await asyncio.wait([beating])
                await client.close()

    async def begin(self) -> None:
        """In the order of the published daemon."""
        await self.say("coordinator.hosts.register", **self.registration())
        self.answers["pairing"] = await self.ask("coordinator.hosts.pairing", {"host_id": self.host_id})
        self.answers["queue"] = await self.ask("$JS.API.STREAM.INFO.JOBS", {})
        await self.client.subscribe(f"host.{self.host_id}.jobs", cb=self.take)
        for signal in ("cancel", "preload", "probe"):
            await self.client.subscribe(f"host.{self.host_id}.{signal}")
        pong = await self.client.request(f"host.{self.host_id}.ping", b"ping", timeout=REQUEST_S)
        self.answers["ping"] = pong.data

    async def keep_beating(self) -> None:
        while True:
            await self.say(f"host.{self.host_id}.heartbeat", **self.heartbeat())
            await asyncio.sleep(HEARTBEAT_S)

    def registration(self) -> dict[str, Any]:
        machine = {"gpu_model": None, "gpu_vram_mb": None, "cpu_cores": 4, "ram_mb": 8192, "region": "auto"}
        return {"version": "0.4.0", "capabilities": machine}

    def heartbeat(self) -> dict[str, Any]:
        return {
            "agent_version": "0.4.0",
            "status": "online",
            "active_jobs": self.active,
            "timestamp": now_ms(),
            "cache": {"cached_image_count": 0, "warm_workload_count": 0, "warm_workload_ids": []},
            "performance_estimates": {
                "gpu_bandwidth_gb_s": None,
                "max_concurrent_containers": 2,
                "wasm_memory_limit_mb": 6144,
                "supported_runtimes": ["container", "wasm"],
                "nats_rtt_ms": 1.8,
            },
            "asking_prices": {"_default": "1.0"},
        }

    async def take(self, message: Msg) -> None:
        job = json.loads(message.data)
        self.jobs.append(job)
        self.active += 1
        await self.run(job)
        self.active -= 1

    async def run(self, job: dict[str, Any]) -> None:
        """What a WASM job is: started, fetched, run to its end, then all lines at once."""
        await self.report(job, "started")
        module = (await self.http.get(job["wasm_url"])).raise_for_status().content
        if len(self.jobs) <= self.fails:
            await self.report(job, "failed", error="WASM error: the disk is full")
            return
        assert job["wasm_hash"] == f"sha256:{sha256(module).hexdigest()}"
        await self.report(job, "streaming")
        lines = (slow_cargo.BEGUN, slow_cargo.ENDED, "")
        for seq, chunk in enumerate(lines, start=1):
            output = {"job_id": job["job_id"], "seq": seq, "chunk": chunk, "is_final": seq == len(lines)}
            await self.publish(f"host.{self.host_id}.output", output)
        await self.report(job, "succeeded")

    async def report(self, job: dict[str, Any], state: str, **more: Any) -> None:
        status = {"job_id": job["job_id"], "state": state, "timestamp": now_ms(), **more}
        await self.publish(f"host.{self.host_id}.status", status)

    async def say(self, subject: str, **body: Any) -> None:
        await self.publish(subject, {"host_id": self.host_id, **body})

    async def publish(self, subject: str, body: dict[str, Any]) -> None:
        await self.client.publish(subject, json.dumps(body).encode())

    async def ask(self, subject: str, body: dict[str, Any]) -> Any:
        answer = await self.client.request(subject, json.dumps(body).encode(), timeout=REQUEST_S)
        return json.loads(answer.data)


def now_ms() -> int:
    return time.time_ns() // 1_000_000
