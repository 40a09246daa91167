"""How many facts a second one coordinator tells a crowd of WebSockets, what coming back costs, and their memory.

On the embedded network as `up` starts it. Facts are written to the log as fast as it takes them, ten to a commit, while
all clients follow the topic `events` with keys of operators; the clients are one process of their own. The same frames
are then told by a server that does nothing else, which is as fast as the sockets of this machine are.
"""

import asyncio
import json
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from nats.aio.client import Client

from adapters import clock
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import access_of, connect
from adapters.nats.event_log import JetStreamEventLog
from api.api_key_text import new_api_key
from api.sockets import SOCKETS_PER_KEY_MAX
from benchmarks.end_to_end import Running, network
from benchmarks.fabric import Row
from benchmarks.fact_writer import FactWriter
from benchmarks.submit_rate import cpu_s
from commands.event_log import Origin
from commands.handle import CommandHandler
from domain.api_key import API_KEY, IssueApiKey, Scope
from domain.ids import AccountId

CROWDS: Final = ((100, 60_000), (1_000, 6_000))  # Clients, and the facts each of them is told.
COMEBACKS: Final = (1, 100)
FACTS_MISSED: Final = 20_000
KEYS: Final = 300  # Enough for all that connect, a few to a key.
OPERATORS: Final = AccountId("operators")
LINE_BYTES_MAX: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What all clients of a crowd were told together, within `seconds`."""

    clients: int
    events: int
    frames: int
    characters: int
    seconds: float

    @property
    def events_per_s(self) -> float:
        return self.events / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """`live` while the facts were written, `written_per_s` how fast; `raw` the same frames from a bare server.

    `cpu_s` is processor time by program meanwhile. Memory is the coordinator's, for one client that follows and is
    told nothing, and in all behind the burst.
    """

    live: Told
    written_per_s: float
    raw: Told
    cpu_s: Mapping[str, float]
    client_kb: float
    burst_mb: float


class Crowd:
    """The other side of `benchmarks.socket_crowd`, it connects with `keys`, with each but once.

    The coordinator notices only a moment later that a socket is gone.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pid = process.pid
        self.keys: list[str] = []

    async def connect(self, running: Running, clients: int) -> None:
        each = min(clients, SOCKETS_PER_KEY_MAX)
        wanted = clients // each
        keys, self.keys = self.keys[:wanted], self.keys[wanted:]
        url = f"{running.url.replace('http', 'ws', 1)}/api/v1/ws"
        await self.do("connect", url=url, keys=keys, each=each)

    async def told_until(self, position: int, *, clients: int, started: float) -> Told:
        counted = await self.do("until", position=position)
        return Told(clients=clients, seconds=time.perf_counter() - started, **counted)

    async def do(self, word: str, **asked: Any) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": word, **asked}).encode() + b"\n")
        line = await self._process.stdout.readline()
        assert line, "the crowd ended; it says why above"
        answered: dict[str, Any] = json.loads(line)
        return answered


@asynccontextmanager
async def crowd_process() -> AsyncIterator[Crowd]:
    async with program("benchmarks.socket_crowd") as process:
        yield Crowd(process)


@asynccontextmanager
async def program(module: str, *arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdin=PIPE, stdout=PIPE, limit=LINE_BYTES_MAX
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def operators_keys(client: Client, wanted: int) -> list[str]:
    """Of one account, more than it could get over HTTP: each key may hold a few sockets."""
    handler, keys = CommandHandler(JetStreamEventLog(client)), []
    for _ in range(wanted):
        text = new_api_key()
        issue = IssueApiKey(
            key_id=text.key_id,
            account_id=OPERATORS,
            name="benchmark",
            prefix=text.prefix,
            secret_sha256=text.sha256,
            scopes=(Scope.READ, Scope.ADMIN),
            now_ms=clock.now_ms(),
        )
        await handler.handle(API_KEY, text.key_id, issue, origin=Origin(command_id=clock.new_id()))
        keys.append(text.text)
    return keys


async def run() -> tuple[list[FanOut], list[Told]]:
    async with network("--no-island") as running, crowd_process() as crowd:
        folder = KeyFolder(Path(running.nats_keys))
        client = await connect(access_of(running.nats_url, folder, Role.COORDINATOR), "fan-out")
        try:
            crowd.keys = await operators_keys(client, KEYS)
            writer = FactWriter(client)
            found = [await fan_out(running, crowd, writer, *one) for one in CROWDS]
            return found, [await comeback(running, crowd, writer, clients) for clients in COMEBACKS]
        finally:
            await client.close()


async def fan_out(running: Running, crowd: Crowd, writer: FactWriter, clients: int, told: int) -> FanOut:
    coordinator = coordinator_of(running.pid)
    empty = coordinator.memory_info().rss
    await crowd.connect(running, clients)
    await crowd.do("subscribe", after=None)
    idle = coordinator.memory_info().rss
    cpu_before, started = processor_s(running, crowd), time.perf_counter()
    written_s = await writer.write(told)
    live = await crowd.told_until(writer.position, clients=clients, started=started)
    cpu_after, burst = processor_s(running, crowd), coordinator.memory_info().rss
    with tempfile.TemporaryDirectory() as folder:
        frames = f"{folder}/frames"
        await crowd.do("keep", path=frames)
        await crowd.do("leave")
        raw = await raw_broadcast(crowd, frames, clients, writer.position)
    return FanOut(
        live=live,
        written_per_s=told / written_s,
        raw=raw,
        cpu_s={name: cpu_after[name] - cpu_before[name] for name in cpu_after},
        client_kb=(idle - empty) / clients / 1000,
        burst_mb=burst / 1e6,
    )


async def raw_broadcast(crowd: Crowd, frames: str, clients: int, position: int) -> Told:
    async with program("benchmarks.raw_broadcast", frames) as server:
        assert server.stdin
        assert server.stdout
        port = int(await server.stdout.readline())
        await crowd.do("connect", url=f"ws://127.0.0.1:{port}/", keys=["nobody"] * clients, each=1)
        await crowd.do("subscribe", after=0)
        started = time.perf_counter()
        server.stdin.write(b"begin\n")
        told = await crowd.told_until(position, clients=clients, started=started)
        await crowd.do("leave")
        return told


async def comeback(running: Running, crowd: Crowd, writer: FactWriter, clients: int) -> Told:
    """They were away for `FACTS_MISSED` facts, which the coordinator knows by now, and are told all of them at once."""
    before = writer.position
    await writer.write(FACTS_MISSED)
    await told_behind(running, crowd, before, writer.position, clients=1)
    return await told_behind(running, crowd, before, writer.position, clients=clients)


async def told_behind(running: Running, crowd: Crowd, after: int, until: int, *, clients: int) -> Told:
    await crowd.connect(running, clients)
    started = time.perf_counter()
    await crowd.do("subscribe", after=after)
    told = await crowd.told_until(until, clients=clients, started=started)
    await crowd.do("leave")
    return told


def processor_s(running: Running, crowd: Crowd) -> dict[str, float]:
    """So far, by program. `client` is this process, which writes."""
    told = sum(psutil.Process(crowd.pid).cpu_times()[:2])
    found = {"writer" if name == "client" else name: spent for name, spent in cpu_s(running.pid).items()}
    return found | {"crowd": told}


def coordinator_of(pid: int) -> psutil.Process:
    children = psutil.Process(pid).children(recursive=True)
    return next(child for child in children if any(part == "api" for part in child.cmdline()))


async def fan_out_rows() -> list[Row]:
    found, comebacks = await run()
    rows: list[Row] = []
    for one in found:
        live, raw = one.live, one.raw
        rows += [
            (
                f"facts told to {live.clients:,} clients while {one.written_per_s:,.0f}/s are written",
                (
                    f"{live.events_per_s:,.0f} events/s, {live.events / live.frames:,.0f} to a frame; "
                    f"{live.events_per_s / raw.events_per_s:.2f} of a bare server with the same frames "
                    f"({raw.events_per_s:,.0f}/s)"
                ),
                ">= 300 000/s" if live.clients == CROWDS[0][0] else "",
            ),
            (
                "processor time meanwhile",
                ", ".join(f"{name} {spent:.1f} s" for name, spent in one.cpu_s.items())
                + f" in {live.seconds:.1f} s",
                "",
            ),
            (
                f"coordinator's memory with {live.clients:,} of them",
                (
                    f"{one.client_kb:,.0f} KB for each that is told nothing; "
                    f"{one.burst_mb:,.0f} MB in all behind the burst"
                ),
                "",
            ),
        ]
    for told in comebacks:
        rows.append(
            (
                f"{told.clients:,} back after {FACTS_MISSED:,} facts, until all were told",
                f"{told.seconds:.2f} s, {told.events_per_s:,.0f} events/s",
                "",
            )
        )
    return rows
