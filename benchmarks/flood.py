"""What a neighbour notices of a flood: the receipt of a status claim, and a whole no-op job, on the network of `up`.

The flooder is one paired island in a process of its own that writes for five seconds or until it is cut off. Without
the guard means that the registrar's process is stopped (SIGSTOP): nobody can then end a connection. Claims are measured
every 20 ms until they are stored and jobs one after the other, both side by side; counted is what was under way
while the flood was on.
"""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

import httpx
import nats.errors
import psutil
from websockets.asyncio.client import connect

from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.island_session import IslandSession
from benchmarks.end_to_end import Completions, Running, network, one_job, publish_no_op
from benchmarks.flooder import FLOOD_S, Flood
from benchmarks.island_admission import Spread, claim, enrolled, spread
from island.enrolment import CoordinatorDoor
from island.identity import Identity

CLAIM_EVERY_S: Final = 0.02
WARM_UP_JOBS: Final = 20
FLOODS: Final = 2
SETTLED_S: Final = 4.0
PAUSE_MIN_S: Final = 0.1
PAUSE_MAX_S: Final = 5.0
"""How the daemon tries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """`floods` is empty where there was none."""

    claims: Spread
    jobs: Spread
    floods: tuple[Flood, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    in_peace: Neighbour
    without_guard: Neighbour
    with_guard: Neighbour


@dataclass(frozen=True, slots=True)
class Sample:
    began_at_s: float
    taken_s: float

    def meets(self, flood: Flood) -> bool:
        return self.began_at_s <= flood.ended_at_s and self.began_at_s + self.taken_s >= flood.began_at_s


class Probes:
    """Takes samples of both kinds for as long as the context lasts."""

    def __init__(self, session: IslandSession, submit: Callable[[], Awaitable[float]]) -> None:
        self.claims: list[Sample] = []
        self.jobs: list[Sample] = []
        self._session = session
        self._submit = submit
        self._is_on = True

    async def _measure_claims(self) -> None:
        waiting = []
        while self._is_on:
            waiting.append(asyncio.create_task(self._claim(f"probe-{time.perf_counter_ns()}")))
            await asyncio.sleep(CLAIM_EVERY_S)
        await asyncio.gather(*waiting)

    async def _claim(self, claim_id: str) -> None:
        began = time.perf_counter()
        pause_s = PAUSE_MIN_S
        while not await self._is_stored(claim_id):
            await asyncio.sleep(pause_s)
            pause_s = min(PAUSE_MAX_S, 2 * pause_s)
        self.claims.append(Sample(began, time.perf_counter() - began))

    async def _is_stored(self, claim_id: str) -> bool:
        try:
            await self._session.claims.status.publish(claim(), claim_id)
        except nats.errors.Error:  # Refused, because too much waits already, or no receipt in time.
            return False
        return True

    async def _measure_jobs(self) -> None:
        while self._is_on:
            began = time.perf_counter()
            self.jobs.append(Sample(began, await self._submit()))

    @asynccontextmanager
    async def on(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._measure_claims())
            group.create_task(self._measure_jobs())
            yield
            self._is_on = False

    def during(self, flood: Flood) -> tuple[list[float], list[float]]:
        """What was under way at some moment of the flood."""
        claims, jobs = (
            [one.taken_s for one in kind if one.meets(flood)] for kind in (self.claims, self.jobs)
        )
        return claims, jobs


def registrar_of(running: Running) -> psutil.Process:
    (found,) = (one for one in psutil.Process(running.pid).children() if "registrar" in one.cmdline())
    return found


@contextmanager
def guard_off(running: Running) -> Iterator[None]:
    registrar = registrar_of(running)
    registrar.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        registrar.send_signal(signal.SIGCONT)


async def flooder(running: Running, http: httpx.AsyncClient, kind: str) -> bytes:
    """What `benchmarks.flooder` reads: a new island."""
    identity = Identity(account=NKey.new(Kind.ACCOUNT), user=NKey.new(Kind.USER), is_new=True)
    door = CoordinatorDoor(http, running.url)
    found = await door.enrol(identity, key=running.key, name="flooder", platform="linux")
    told = {
        "account": identity.account.seed,
        "user": identity.user.seed,
        "jwt": found.user_jwt,
        "url": found.nats_url,
        "kind": kind,
    }
    return json.dumps(told).encode()


async def flooded(told: bytes) -> Flood:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.flooder",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, _ = await process.communicate(told)
    began_at_s, ended_at_s, claims, is_cut_off = json.loads(printed)
    return Flood(began_at_s=began_at_s, ended_at_s=ended_at_s, claims=claims, is_cut_off=is_cut_off)


async def run(kind: str) -> Neighbours:
    """`kind` is the last word of the flooded subject: it decides which stream takes the flood."""
    async with network() as running, httpx.AsyncClient() as http:
        headers = {"Authorization": f"Bearer {running.key}"}
        socket_url = f"{running.url.replace('http', 'ws', 1)}/api/v1/ws"
        async with (
            httpx.AsyncClient(base_url=f"{running.url}/api/v1", headers=headers, timeout=60) as client,
            connect(socket_url, additional_headers=headers, max_size=None) as socket,
        ):
            await publish_no_op(client)
            completions = Completions(socket)
            listening = asyncio.create_task(completions.listen())
            for _ in range(WARM_UP_JOBS):
                await one_job(client, completions)
            neighbour = Identity(account=NKey.new(Kind.ACCOUNT), user=NKey.new(Kind.USER), is_new=True)
            session = await enrolled(neighbour, running, http)
            await session.open()
            flooders = [
                await flooder(running, http, kind) for _ in range(1 + FLOODS)
            ]  # Joining needs the registrar.
            measured = Measurement(session, lambda: one_job(client, completions))
            in_peace = await measured.in_peace()
            with guard_off(running):
                without_guard = await measured.in_floods(flooders[:1])
            with_guard = await measured.in_floods(flooders[1:])
            listening.cancel()
            await session.close()
    return Neighbours(in_peace=in_peace, without_guard=without_guard, with_guard=with_guard)


@dataclass(frozen=True, slots=True)
class Measurement:
    session: IslandSession
    submit: Callable[[], Awaitable[float]]

    async def in_peace(self) -> Neighbour:
        probes = Probes(self.session, self.submit)
        began = time.perf_counter()
        async with probes.on():
            await asyncio.sleep(FLOOD_S)
        calm = Flood(began_at_s=began, ended_at_s=began + FLOOD_S, claims=0, is_cut_off=False)
        claims, jobs = probes.during(calm)
        return Neighbour(claims=spread(claims), jobs=spread(jobs), floods=())

    async def in_floods(self, flooders: Sequence[bytes]) -> Neighbour:
        claims, jobs, floods = [], [], []
        for told in flooders:
            probes = Probes(self.session, self.submit)
            async with probes.on():
                flood = await flooded(told)
            claim_s, job_s = probes.during(flood)
            claims += claim_s
            jobs += job_s
            floods.append(flood)
            await asyncio.sleep(SETTLED_S)
        return Neighbour(claims=spread(claims), jobs=spread(jobs), floods=tuple(floods))
