"""Submissions by HTTP to one coordinator process, and where their time goes.

On the embedded network as `up` starts it, without an island, so that no job runs meanwhile. The client is this process.
A read of one row, a submission that was made before and a new one are timed side by side: what they differ by is what
each step costs. Processor time is that of the processes themselves, from before the first request to after the last.
"""

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx
import psutil

from benchmarks.end_to_end import network, publish_no_op

AT_ONCE: Final = 16
WARM_UP: Final = 100  # With the timed ones fewer than an account may have open.
JOB: Final = {"workload": "no-op", "input": {}}
PROGRAMS: Final = {"coordinator": "api", "NATS": "nats-server", "PostgreSQL": "postgres"}
"""By what stands in the command line."""

Request = Callable[[], Awaitable[httpx.Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRate:
    """`cpu_ms` is processor time for one request, by program; the client is one of them."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: Mapping[str, float]


async def run(requests: int = 800) -> dict[str, RequestRate]:
    async with network("--no-island") as running:
        headers = {"Authorization": f"Bearer {running.key}"}
        async with httpx.AsyncClient(base_url=f"{running.url}/api/v1", headers=headers, timeout=60) as client:
            await publish_no_op(client)
            again = {"Idempotency-Key": "the same for all"}
            kinds: dict[str, Request] = {
                "GET /account": lambda: client.get("/account"),
                "POST /jobs, made before": lambda: client.post("/jobs", json=JOB, headers=again),
                "POST /jobs": lambda: client.post("/jobs", json=JOB),
            }
            return {name: await rate_of(kind, requests, running.pid) for name, kind in kinds.items()}


async def rate_of(request: Request, requests: int, pid: int) -> RequestRate:
    """`AT_ONCE` at a time, each after the former was answered."""
    await many(request, WARM_UP)
    before, started = cpu_s(pid), time.perf_counter()
    latencies_ms = sorted(await many(request, requests))
    took_s, after = time.perf_counter() - started, cpu_s(pid)
    return RequestRate(
        requests_per_s=requests / took_s,
        p50_ms=statistics.median(latencies_ms),
        p99_ms=latencies_ms[int(len(latencies_ms) * 0.99)],
        cpu_ms={name: 1000 * (after[name] - before[name]) / requests for name in after},
    )


async def many(request: Request, requests: int) -> list[float]:
    """How long each took, in milliseconds."""
    latencies_ms: list[float] = []
    numbers = iter(range(requests))

    async def one_after_the_other() -> None:
        for _ in numbers:
            started = time.perf_counter()
            (await request()).raise_for_status()
            latencies_ms.append(1000 * (time.perf_counter() - started))

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
    return latencies_ms


def cpu_s(pid: int) -> dict[str, float]:
    """Processor time so far, by program."""
    children = psutil.Process(pid).children(recursive=True)
    found = {name: sum(times_of(children, word)) for name, word in PROGRAMS.items()}
    return found | {"client": sum(itertools.islice(psutil.Process().cpu_times(), 2))}


def times_of(processes: list[psutil.Process], word: str) -> Iterator[float]:
    for process in processes:
        if any(part == word or part.endswith(f"/{word}") for part in process.cmdline()) or (
            word == "postgres" and process.name().startswith("postgres")
        ):
            yield sum(process.cpu_times()[:2])
