"""An island without a network and without processes: a scripted runtime, a fabric in memory, a folder of its own.

Made by the fixture `workshop`; scripts become cargos that lie in the cache already. Time is the loop's, so that a
marked test (`@pytest.mark.looptime`) waits for nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from adapters.wire import AssignJob
from domain.ids import IslandId
from island.agent import Agent
from island.cargo_cache import CargoCache
from island.hardware import Hardware
from island.offered_runtimes import OfferedRuntimes
from island.presence import Profile
from island.state_store import StateStore
from tests.adapters.runtime.scripted import ScriptedRuntime, Step
from tests.island.memory_fabric import MemoryFabric
from tests.island.network import assignment

ISLAND_ID = IslandId("A" + 55 * "B")


class Workshop:
    """Everything an agent is made of. `said` are the lines for the owner."""

    def __init__(self, folder: Path, *, slots: int = 1) -> None:
        self.fabric = MemoryFabric()
        self.runtime = ScriptedRuntime(slots=slots)
        self.store = StateStore.open(folder)
        self.said: list[str] = []
        self.cargos = CargoCache(self.store.folder("cargos"), httpx.AsyncClient())
        self.runtimes = OfferedRuntimes({"scripted": self.runtime}, say=self.said.append)
        self.profile = Profile(
            island_id=ISLAND_ID,
            name="test",
            version="0",
            hardware=Hardware(
                platform="linux-x86_64", cpu_cores=2 * slots, ram_mb=4096 * slots, disk_free_mb=1
            ),
            slots=slots,
            asks={},
            trust_level_min=1,
            state_folder=folder,
        )

    def keep(self, **fields: Any) -> None:
        """Changes what the owner has set."""
        self.profile = replace(self.profile, **fields)

    def job(self, *steps: Step, job_id: str = "job-1", attempt: int = 1, **options: Any) -> AssignJob:
        """An assignment whose cargo does `steps`."""
        cargo = self.runtime.cargo(*steps)
        (self.store.folder("cargos") / cargo.digest.removeprefix("sha256:")).write_bytes(cargo.content)
        return assignment(job_id, attempt, digest=cargo.digest, **options)

    def agent(self) -> Agent:
        return Agent(
            self.profile,
            fabric=self.fabric,
            runtimes=self.runtimes,
            cargos=self.cargos,
            store=self.store,
            say=self.said.append,
        )

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Agent]:
        """An agent that runs, and is stopped in the end wherever it stands."""
        await self.runtimes.test()
        agent = self.agent()
        working = asyncio.create_task(agent.run())
        try:
            yield agent
        finally:
            if not working.done():
                agent.drain()
                agent.drain()
            await working

    async def close(self) -> None:
        await self.runtimes.aclose()
        self.store.close()


async def settle() -> None:
    """Lets everything happen that needs no time."""
    for _ in range(50):
        await asyncio.sleep(0)
