"""Composition root of the island daemon: `archipelago island run`, and `python -m island`.

Everything an island consists of is made and wired here, and taken apart in the reverse order.
"""

import asyncio
import importlib.metadata
import logging
import signal
import sys
from contextlib import AsyncExitStack, suppress
from typing import Final

import httpx
import nats.errors
import uvloop

from adapters.nats.island_link import IslandLink
from adapters.runtime.contract import Runtime
from adapters.runtime.wasm.runtime import WasmRuntime
from island.agent import Agent
from island.cargo_cache import CargoCache
from island.enrolment import Credentials, NotEnrolled, enrol, stored_credentials
from island.hardware import Hardware, detect
from island.identity import Identity, IdentityUnusable, load_or_make
from island.offered_runtimes import OfferedRuntimes
from island.presence import Profile
from island.settings import Settings
from island.state_store import StateDirectoryUnusable, StateStore

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
"""The first lets the island finish what it runs, the second does not."""


class _NoKey(Exception):
    """A first start without an API key."""


def run(settings: Settings) -> int:
    """Until a signal asks it to leave. 0 after an orderly end, 1 where it could not begin; the reason is printed."""
    # What is routine is told in plain lines; the log is for what should not happen.
    logging.basicConfig(level=logging.ERROR)
    try:
        uvloop.run(_run(settings))
    except (NotEnrolled, IdentityUnusable, StateDirectoryUnusable, _NoKey) as reason:
        return _fail(str(reason))
    except nats.errors.Error as refusal:
        return _fail(
            f"the network refused this island ({refusal}); delete credentials.json and enrol it again"
        )
    return 0


async def _run(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        store = StateStore.open(settings.state_dir)
        stack.callback(store.close)
        hardware = detect(settings.state_dir)
        identity = load_or_make(store)
        credentials = await _credentials(settings, store, identity, hardware)
        profile = _profile(settings, identity, credentials, hardware)
        _say(f"island {profile.name}: {'new' if identity.is_new else 'known'}, id {profile.island_id}")
        _say(f"{_machine(hardware)}; {profile.slots} at a time")
        client = await stack.enter_async_context(httpx.AsyncClient())
        runtimes = OfferedRuntimes(_runtimes(settings, store, profile.slots), say=_say)
        stack.push_async_callback(runtimes.aclose)
        link = _link(settings, credentials, profile)
        agent = Agent(
            profile,
            fabric=link,
            runtimes=runtimes,
            cargos=CargoCache(store.folder("cargos"), client),
            store=store,
            say=_say,
        )
        await runtimes.test()
        await _work(agent, link, settings.nats_url or credentials.nats_url)


async def _work(agent: Agent, link: IslandLink, url: str) -> None:
    loop = asyncio.get_running_loop()
    wants_to_leave = asyncio.Event()

    def leave() -> None:
        wants_to_leave.set()
        agent.drain()

    for one in SIGNALS:
        loop.add_signal_handler(one, leave)
    server = url.rpartition("@")[2]
    _say(f"connecting to {server}")
    connecting = asyncio.create_task(
        link.start(
            on_cancel=agent.cancel,
            on_disconnected=lambda: _say("the network is gone; trying to come back"),
            on_reconnected=lambda: _come_back(agent),
        )
    )
    leaving = asyncio.create_task(wants_to_leave.wait())
    await asyncio.wait({connecting, leaving}, return_when=asyncio.FIRST_COMPLETED)
    leaving.cancel()
    if not connecting.done():
        connecting.cancel()
        with suppress(asyncio.CancelledError):
            await connecting
        return
    await connecting
    _say("connected; waiting for jobs")
    try:
        await agent.run()
    finally:
        await link.close()
    _say("left the network")


async def _come_back(agent: Agent) -> None:
    _say("connected again")
    await agent.greet()


async def _credentials(
    settings: Settings, store: StateStore, identity: Identity, hardware: Hardware
) -> Credentials:
    stored = stored_credentials(store, identity.island_id)
    if stored is not None:
        return stored
    if settings.key is None:
        raise _NoKey(
            "key: the first start needs an API key with the scope `islands`: set ARCHIPELAGO_ISLAND_KEY"
        )
    _say(f"joining the network of {settings.coordinator_url}")
    return await enrol(
        store,
        island_id=identity.island_id,
        coordinator_url=settings.coordinator_url,
        key=settings.key.get_secret_value(),
        name=settings.name,
        platform=hardware.platform,
    )


def _profile(settings: Settings, identity: Identity, credentials: Credentials, hardware: Hardware) -> Profile:
    return Profile(
        island_id=identity.island_id,
        name=credentials.name,
        version=importlib.metadata.version("archipelago"),
        hardware=hardware,
        slots=min(settings.slots or hardware.slots, hardware.slots),
        asks={slug: str(ask) for slug, ask in settings.asks.items()},
        trust_level_min=settings.trust_level_min,
        state_folder=settings.state_dir,
    )


def _runtimes(settings: Settings, store: StateStore, slots: int) -> dict[str, Runtime]:
    makers = {"wasm": lambda: WasmRuntime(folder=store.folder("wasm"), slots=slots)}
    return {name: makers[name]() for name in settings.runtimes}


def _link(settings: Settings, credentials: Credentials, profile: Profile) -> IslandLink:
    """A user in the owner's URL replaces the one that was enrolled."""
    has_user = settings.nats_url is not None and "@" in settings.nats_url
    return IslandLink(
        island_id=profile.island_id,
        url=settings.nats_url or credentials.nats_url,
        user=None if has_user else credentials.user,
        password=None if has_user else credentials.password,
    )


def _machine(hardware: Hardware) -> str:
    gpu = f", {hardware.gpu_model}" if hardware.gpu_model else ""
    return f"{hardware.platform}, {hardware.cpu_cores} cores, {hardware.ram_mb} MB of memory{gpu}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _fail(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 1
