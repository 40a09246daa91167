"""How long everybody else waits while one client has a long report made, or asks for the fleet of long ago.

On the embedded network as `up` starts it, without an island. Its log is filled with bids that accounts saved: nothing
follows from them, so what is measured is the reading. The neighbour reads its account again and again, one at a time.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from adapters import codec
from adapters.nats import subjects
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import access_of, connect
from adapters.nats.event_log import headers_of
from benchmarks.end_to_end import Running, network
from benchmarks.fabric import Row
from commands.event_log import Origin
from domain.account import ACCOUNT
from domain.account_events import BidSaved
from domain.ids import AccountId, CargoSlug

COMMITS: Final = 50_000
AT_ONCE: Final = 500
ALONE_READS: Final = 500
CAUGHT_UP_S: Final = 120.0
SAVER: Final = AccountId("saver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """How long the neighbour waited for an answer, and how long the long one took; 0 where there was none."""

    p50_ms: float
    p95_ms: float
    worst_ms: float
    reads: int
    took_s: float = 0.0


async def run() -> dict[str, Waited]:
    async with network("--no-island") as running:
        headers = {"Authorization": f"Bearer {running.key}"}
        async with httpx.AsyncClient(
            base_url=f"{running.url}/api/v1", headers=headers, timeout=120
        ) as client:
            await fill(running, COMMITS)
            position = await caught_up(client)
            audit = {"from": "2026-01-01T00:00:00Z"}
            return {
                "nothing else": await alone(client),
                "an audit of all of it, as JSON": await beside(
                    client, lambda: client.get("/reports/audit", params=audit)
                ),
                "the fleet as of its end": await beside(
                    client, lambda: client.get("/audit/placement", params={"at": position})
                ),
            }


async def fill(running: Running, commits: int) -> None:
    access = access_of(running.nats_url, KeyFolder(Path(running.nats_keys)), Role.COORDINATOR)
    log = await connect(access, "report-neighbour")
    subject = subjects.fact(ACCOUNT.stream(SAVER))
    for first in range(0, commits, AT_ONCE):
        bodies = [
            codec.encode(
                [BidSaved(account_id=SAVER, slug=CargoSlug("no-op"), bid_micro=number + 1, saved_at_ms=1)]
            )
            for number in range(first, first + AT_ONCE)
        ]
        requests = []
        for number, body in enumerate(bodies, start=first):
            said = headers_of(Origin(command_id=f"bid-{number}", actor="benchmark"), body, 0)
            del said[subjects.EXPECTED]
            requests.append(log.request(subject, body, headers=said, timeout=30))
        await asyncio.gather(*requests)
    await log.close()


async def caught_up(client: httpx.AsyncClient) -> int:
    """Waits until the read side has seen all of it, and gives the log's last position."""
    last = (await client.get("/audit/placement", params={"limit": 1})).json()["as_of"]["position"]
    async with asyncio.timeout(CAUGHT_UP_S):
        while not await has_seen(client, last):  # noqa: ASYNC110 - seen by HTTP, done by another process
            await asyncio.sleep(0.5)
    return int(last)


async def has_seen(client: httpx.AsyncClient, position: int) -> bool:
    answer = await client.get("/account", params={"after": position})
    return answer.status_code == httpx.codes.OK


async def alone(client: httpx.AsyncClient) -> Waited:
    return waited([await read(client) for _ in range(ALONE_READS)])


async def beside(client: httpx.AsyncClient, ask: Callable[[], Awaitable[httpx.Response]]) -> Waited:
    """The neighbour's reads while the long answer is under way."""
    began = time.perf_counter()
    long = asyncio.ensure_future(ask())
    waits = []
    while not long.done():
        waits.append(await read(client))
    (await long).raise_for_status()
    return waited(waits, took_s=time.perf_counter() - began)


async def read(client: httpx.AsyncClient) -> float:
    began = time.perf_counter()
    (await client.get("/account")).raise_for_status()
    return 1000 * (time.perf_counter() - began)


def waited(waits_ms: list[float], took_s: float = 0.0) -> Waited:
    in_order = sorted(waits_ms)
    return Waited(
        p50_ms=statistics.median(in_order),
        p95_ms=in_order[int(len(in_order) * 0.95)],
        worst_ms=in_order[-1],
        reads=len(in_order),
        took_s=took_s,
    )


async def neighbour_rows() -> list[Row]:
    return [
        (
            f"`GET /account` beside {name}, log of {COMMITS:,} commits",
            (
                f"p50 {one.p50_ms:.1f} ms, p95 {one.p95_ms:.1f} ms, worst {one.worst_ms:.0f} ms of {one.reads}"
                + (f"; it took {one.took_s:.1f} s" if one.took_s else "")
            ),
            "",
        )
        for name, one in (await run()).items()
    ]
