"""Two thousand islands: joined, connected, and back after the server was killed.

Each has a real account, a durable on `JOBS` and a document from the registrar; they are thin connections in this
process that come back as the daemon does, after a pause that doubles from 0.1 s to 1 s. Memory is the server's resident
set before and after, divided by the islands.
"""

import asyncio
import ssl
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.island_network import island_network
from benchmarks.thin_island import Member, Refused, ThinIsland, connected

ISLANDS: Final = 2_000
AT_ONCE: Final = 64
SETTLED_S: Final = 3.0
PAUSE_MIN_S: Final = 0.1
PAUSE_MAX_S: Final = 1.0
BACK_WITHIN_S: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """`back_s` is from the kill until the last island is in; `server_ready_s` of it until the server answers."""

    joined_per_s: float
    connected_per_s: float
    kb_each: float
    server_mb: float
    server_ready_s: float
    back_s: float
    registrar_ready_s: float


async def run(*, is_encrypted: bool = False) -> Crowd:
    async with island_network(is_encrypted=is_encrypted) as network:
        joined_s, members = await timed(network.join_many(ISLANDS))
        await asyncio.sleep(SETTLED_S)
        before_mb = network.server_rss_mb()
        connected_s, islands = await timed(connect_all(members, network.server.url, network.tls))
        await asyncio.sleep(SETTLED_S)
        after_mb = network.server_rss_mb()
        killed_at = time.perf_counter()
        await network.kill_server()
        await asyncio.gather(*(island.lost_at_s for island in islands))
        returning = asyncio.create_task(all_back(members, network.server.url, network.tls))
        await network.server.restart()
        server_ready_s = time.perf_counter() - killed_at
        islands = await returning
        back_s = time.perf_counter() - killed_at
        await network.stop_registrar()
        registrar_ready_s = await network.start_registrar()
        assert not any(island.lost_at_s.done() for island in islands)
        for island in islands:
            island.hang_up()
    return Crowd(
        joined_per_s=ISLANDS / joined_s,
        connected_per_s=ISLANDS / connected_s,
        kb_each=(after_mb - before_mb) * 1024 / ISLANDS,
        server_mb=after_mb,
        server_ready_s=server_ready_s,
        back_s=back_s,
        registrar_ready_s=registrar_ready_s,
    )


async def timed(work: Coroutine[Any, Any, list[Any]]) -> tuple[float, list[Any]]:
    started = time.perf_counter()
    done = await work
    return time.perf_counter() - started, done


async def connect_all(members: list[Member], url: str, context: ssl.SSLContext | None) -> list[ThinIsland]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(member: Member) -> ThinIsland:
        async with turns:
            return await back(member, url, context)

    return list(await asyncio.gather(*map(one, members)))


async def all_back(members: list[Member], url: str, context: ssl.SSLContext | None) -> list[ThinIsland]:
    """All of them at once, each until it is let in."""
    async with asyncio.timeout(BACK_WITHIN_S):
        return list(await asyncio.gather(*(back(member, url, context) for member in members)))


async def back(member: Member, url: str, context: ssl.SSLContext | None) -> ThinIsland:
    pause_s = PAUSE_MIN_S
    while True:
        try:
            return await connected(member, url, context)
        except (Refused, OSError):
            await asyncio.sleep(pause_s)
            pause_s = min(PAUSE_MAX_S, 2 * pause_s)
