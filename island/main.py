"""Composition root of the island daemon: `archipelago island run`, and `python -m island`.

Everything an island consists of is made and wired here, and taken apart in the reverse order.
"""

import asyncio
import importlib.metadata
import logging
import signal
import sys
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import httpx
import uvloop

from adapters import clock
from adapters.nats.connection import encryption
from adapters.nats.island_link import IslandLink
from adapters.nats.island_session import IslandAccess
from adapters.runtime.contract import Runtime
from adapters.runtime.wasm.runtime import WasmRuntime
from adapters.tls import TlsUnusable, client_context
from domain.category import CategoryPolicy
from island.agent import Agent
from island.authority import authority_file
from island.cargo_cache import CargoCache
from island.claim_numbers import ClaimNumbers
from island.connection_watch import ConnectionWatch
from island.credentials import Credentials, KeptCredentials
from island.enrolment import CoordinatorDoor, NotEnrolled
from island.hardware import Hardware, detect
from island.identity import Identity, IdentityUnusable, load_or_make
from island.joining import NotJoined, SentAway, join, refuse_plaintext
from island.offered_runtimes import OfferedRuntimes
from island.opening_hours import opening_hours
from island.pairing import Pairing
from island.presence import Profile
from island.renewal import Renewal
from island.settings import Settings
from island.state_store import StateDirectoryUnusable, StateStore

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
"""The first lets the island finish what it runs, the second does not."""
SENT_AWAY: Final = 3
"""An exit code of its own, so that who keeps the island alive can tell that starting it again is of no use."""
END_S: Final = 5.0
"""Longer than the link needs to hang up."""


def run(settings: Settings) -> int:
    """Until a signal asks it to leave. 0 after an orderly end, 1 where it could not begin, `SENT_AWAY` where it is no
    longer wanted as it is; the reason is printed.
    """
    # What is routine is told in plain lines; the log is for what should not happen.
    logging.basicConfig(level=logging.ERROR)
    try:
        farewell = uvloop.run(_run(settings))
    except SentAway as reason:
        return _fail(str(reason), SENT_AWAY)
    except (NotJoined, NotEnrolled, IdentityUnusable, StateDirectoryUnusable, TlsUnusable) as reason:
        return _fail(str(reason))
    except KeyboardInterrupt:
        return _fail("interrupted before it could begin")
    return 0 if farewell is None else _fail(farewell, SENT_AWAY)


async def _run(settings: Settings) -> str | None:
    """Why the network has sent the island away; None where its owner ended it."""
    async with AsyncExitStack() as stack:
        store = StateStore.open(settings.state_dir)
        stack.callback(store.close)
        hardware = detect(settings.state_dir).share(
            cpu_cores=settings.cpu_cores, ram_mb=settings.ram_mb, with_gpu=settings.lends_gpu
        )
        ca_file = authority_file(settings, store)
        client = await stack.enter_async_context(httpx.AsyncClient(verify=client_context(ca_file)))
        identity, credentials = await join(
            settings, store, load_or_make(store), client, platform=hardware.platform, say=_say
        )
        kept = KeptCredentials(store, credentials)
        profile = _profile(settings, identity, credentials, hardware)
        _say(f"island {profile.name}: {'new' if identity.is_new else 'known'}, id {profile.island_id}")
        _say(f"{_machine(hardware)}; {profile.slots} at a time")
        runtimes = OfferedRuntimes(_runtimes(settings, store, profile.slots), say=_say)
        stack.push_async_callback(runtimes.aclose)
        link = _link(settings, store, identity, kept, ca_file)
        agent = Agent(
            profile,
            fabric=link,
            runtimes=runtimes,
            cargos=CargoCache(store.folder("cargos"), client),
            store=store,
            say=_say,
        )
        door = CoordinatorDoor(client, settings.coordinator_url or credentials.coordinator_url)
        await runtimes.test()
        return await _work(agent, link, kept, door, identity)


async def _work(
    agent: Agent, link: IslandLink, kept: KeptCredentials, door: CoordinatorDoor, identity: Identity
) -> str | None:
    farewells: list[str] = []

    def leave(farewell: str) -> None:
        farewells.append(farewell)
        agent.lose_all()
        agent.drain(at_once=True)

    async def newest() -> Credentials:
        return await door.renew(identity)

    pairing = Pairing(link, kept, on_admitted=agent.greet, on_barred=agent.lose_all, say=_say)
    renewal = Renewal(kept, newest, now_ms=clock.now_ms(), on_expelled=leave)
    watch = ConnectionWatch(agent, pairing, renewal, kept, say=_say)
    for one in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(one, agent.drain)
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(one) for one in (link.run(watch), pairing.run(), renewal.run())]
        await agent.run()
        await _end(beside)
    _say("left the network")
    return farewells[0] if farewells else None


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancels until that has helped: Python 3.11 drops a cancellation that comes together with an awaited answer."""
    left: Collection[asyncio.Task[None]] = tasks
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=END_S)


def _profile(settings: Settings, identity: Identity, credentials: Credentials, hardware: Hardware) -> Profile:
    return Profile(
        island_id=identity.island_id,
        name=credentials.name,
        version=importlib.metadata.version("archipelago"),
        hardware=hardware,
        slots=min(settings.slots or hardware.slots, hardware.slots),
        asks={slug: str(ask) for slug, ask in settings.asks.items()},
        trust_level_min=settings.trust_level_min,
        categories=CategoryPolicy(allowed=settings.categories, refused=settings.categories_refused),
        state_folder=settings.state_dir,
        region=settings.region,
        hours=opening_hours(settings.hours),
    )


def _runtimes(settings: Settings, store: StateStore, slots: int) -> dict[str, Runtime]:
    makers = {"wasm": lambda: WasmRuntime(folder=store.folder("wasm"), slots=slots)}
    return {name: makers[name]() for name in settings.runtimes}


def _link(
    settings: Settings, store: StateStore, identity: Identity, kept: KeptCredentials, ca_file: Path | None
) -> IslandLink:
    url = settings.nats_url or kept.newest.nats_url
    refuse_plaintext(settings, "nats_url", url)
    _say(f"connecting to {url}")
    access = IslandAccess(
        url=url,
        island_id=identity.island_id,
        user=identity.user,
        document=lambda: kept.newest.user_jwt,
        encryption=encryption(url, ca_file),
    )
    return IslandLink(access, ClaimNumbers(store, now_ms=clock.now_ms()).next)


def _machine(hardware: Hardware) -> str:
    gpu = f", {hardware.gpu_model}" if hardware.gpu_model else ""
    return f"{hardware.platform}, {hardware.cpu_cores} cores, {hardware.ram_mb} MB of memory{gpu}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _fail(reason: str, code: int = 1) -> int:
    sys.stderr.write(f"{reason}\n")
    return code
