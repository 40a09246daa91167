"""The rest of the network as an island meets it: streams, its durable, and what it has claimed so far.

Claims are read from the streams, so nothing is missed while a client or a server is away.
"""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import nats.errors
from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.streams import create_jobs_consumer, create_streams
from adapters.wire import AssignJob, CancelJob, WireCargo, WireLimits, encode
from domain.claim import wire_id
from domain.ids import IslandId, JobId

WAIT_S = 15.0
DIGEST = "sha256:" + 64 * "0"


def assignment(
    job_id: str = "job-1",
    attempt: int = 1,
    *,
    text: bytes = b'{"text":"abc"}',
    digest: str = DIGEST,
    url: str = "http://127.0.0.1/cargo",
    runtime: str = "scripted",
    slug: str = "wasm-hash",
    category: str = "",
    tier: str = "standard",
    memory_mb: int = 16,
    wall_ms: int = 10_000,
) -> AssignJob:
    return AssignJob(
        job_id=wire_id(JobId(job_id), attempt),
        input=msgspec.Raw(text),
        lease_expires=0,
        workload_id=slug,
        runtime_type=runtime,
        wasm_url=url,
        wasm_hash=digest,
        sandbox_tier=tier,
        job=job_id,
        attempt=attempt,
        cargo=WireCargo(slug=slug, version="1.0.0", digest=digest, determinism="exact", category=category),
        lease_seconds=60,
        deadline_ms=wall_ms,
        limits=WireLimits(
            memory_mb=memory_mb, cpus=1, pids=1, tmpfs_mb=1, output_bytes=1 << 20, fuel=10_000_000_000
        ),
    )


class Network:
    def __init__(self, client: Client, island_id: IslandId) -> None:
        self.client = client
        self.island_id = island_id
        self._read: dict[str, list[dict[str, Any]]] = {}

    async def deploy(self, *, slots: int = 1) -> None:
        await create_streams(self.client)
        await create_jobs_consumer(self.client, self.island_id, slots=slots)

    async def put(self, body: bytes) -> None:
        await self.client.jetstream().publish(subjects.jobs(self.island_id), body)

    async def assign(self, message: AssignJob) -> None:
        await self.put(encode(message))

    async def cancel(self, job_id: str) -> None:
        await self.client.publish(subjects.cancel(self.island_id), encode(CancelJob(job_id=job_id)))

    async def waiting_jobs(self) -> int:
        """Messages that nobody has acknowledged."""
        return (await self.client.jetstream().stream_info(subjects.JOBS)).state.messages

    async def claims(self, stream: str) -> list[dict[str, Any]]:
        """Every message so far, oldest first, its subject's last token under `kind`."""
        log = self.client.jetstream()
        read = self._read.setdefault(stream, [])
        last = (await log.stream_info(stream)).state.last_seq
        for sequence in range(len(read) + 1, last + 1):
            message = await log.get_msg(stream, sequence)
            kind = (message.subject or "").rpartition(".")[2]
            read.append({"kind": kind, "headers": message.headers or {}, **json.loads(message.data or b"{}")})
        return read

    async def until(
        self, stream: str, condition: Callable[[list[dict[str, Any]]], bool], wait_s: float = WAIT_S
    ) -> list[dict[str, Any]]:
        """The claims once they fulfil the condition."""
        ends_at_s = time.monotonic() + wait_s
        claims: list[dict[str, Any]] = []
        while time.monotonic() < ends_at_s:
            try:
                claims = await self.claims(stream)
            except (nats.errors.Error, TimeoutError):
                claims = []  # The server is away for a moment.
            if condition(claims):
                return claims
            await asyncio.sleep(0.02)
        raise AssertionError(f"{stream} after {wait_s} s: {claims}")

    async def states(self, job_id: str, last: str) -> list[str]:
        """The states one attempt went through, once it has come to `last`."""
        claims = await self.until(
            subjects.JOB_STATUS,
            lambda claims: any(one.get("state") == last and one["job_id"] == job_id for one in claims),
        )
        return [one["state"] for one in claims if one["kind"] == "status" and one["job_id"] == job_id]

    async def output(self, job_id: str) -> list[dict[str, Any]]:
        """What one attempt wrote so far, in order, its final message last."""
        claims = [one for one in await self.claims(subjects.JOB_OUTPUT) if one["job_id"] == job_id]
        return sorted((one for one in claims if one["kind"] == "output"), key=lambda one: int(one["seq"]))
