"""NATS or PostgreSQL killed while jobs run: both come back with what they had, and everybody catches up."""

import asyncio
from typing import Final

import httpx
import pytest

from adapters.embedded.server import EmbeddedServer
from tests.faults.books import assert_all_succeeded_once
from tests.faults.network import Network, eventually, kill_server

KILLS = 2
SUBMITTED_EVERY_S = 0.25
WITHOUT: Final = {"nats": ("200", "503 unavailable"), "postgres": ("503 unavailable", "201")}
"""What reading jobs and submitting one is answered while that server is away."""


@pytest.mark.parametrize("name", ["nats", "postgres"])
async def test_no_job_is_lost_or_paid_twice_when_a_server_is_killed(network: Network, name: str) -> None:
    server: EmbeddedServer = getattr(network.servers, name)
    await network.add_coordinator()
    await network.add_island("first")
    await network.add_island("second")
    slug = await network.publish(0.3)
    is_over = asyncio.Event()
    submitting = asyncio.create_task(submit_until(is_over, network, slug))
    await network.until_output(await network.submit(slug, "job 0"))

    while_away = []
    for number in range(KILLS):
        await kill_server(server)
        await eventually(lambda: is_told(network, name))
        request, key = {"workload": slug, "input": {}}, f"without {name} {number}"
        read = await network.http.get("/jobs")
        written = await network.http.post("/jobs", json=request, headers={"Idempotency-Key": key})
        assert (told(read), told(written)) == WITHOUT[name]
        await server.restart()
        await network.is_well(network.http)
        while_away.append(await network.submit(slug, key))

    is_over.set()
    await assert_all_succeeded_once(network, await submitting + while_away)


def told(answer: httpx.Response) -> str:
    """The status, and the code of an error."""
    code = answer.json().get("error", {}).get("code", "")
    return f"{answer.status_code} {code}".strip()


async def submit_until(is_over: asyncio.Event, network: Network, slug: str) -> list[str]:
    """One job after another, whatever is away meanwhile."""
    job_ids: list[str] = []
    while not is_over.is_set():
        job_ids.append(await network.submit(slug, f"job {len(job_ids)}"))
        await asyncio.sleep(SUBMITTED_EVERY_S)
    return job_ids


async def is_told(network: Network, name: str) -> bool:
    """Whether the coordinator says that this server is away."""
    health = await network.http.get("/health")
    return health.status_code == 503 and health.json()["checks"][name] == "error"
