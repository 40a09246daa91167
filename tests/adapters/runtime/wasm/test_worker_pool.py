"""Workers are few, reused, replaced, and never outlive their island."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from adapters.runtime.contract import End, Limits
from adapters.runtime.wasm.worker_pool import JOBS_PER_WORKER_MAX
from tests.adapters.runtime.guests import guest
from tests.adapters.runtime.traces import becomes, children
from tests.adapters.runtime.wasm.house import wasm_house

LIMITS = Limits(memory_mb=64)
ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("code")


async def test_there_is_one_worker_for_each_busy_slot_and_a_spare(folder: Path) -> None:
    before = children()
    async with wasm_house(folder, slots=2) as house:
        assert children() == before
        one = await house.start("sleep")
        await becomes(lambda: len(children() - before) == 2)
        other = await house.start("sleep")
        await becomes(lambda: len(children() - before) == 3)
        for running in (one, other):
            running.lines()
        assert len(children() - before) == 3


async def test_a_worker_is_reused_until_it_is_worn(folder: Path) -> None:
    async with wasm_house(folder, slots=1) as house:
        prepared = await house.runtime.prepare(guest("silent"), LIMITS)

        async def run() -> None:
            running = await house.runtime.start(prepared, b"", LIMITS)
            assert (await running.outcome()).end is End.EXITED

        before = children()
        await run()
        await becomes(lambda: len(children() - before) == 2)
        first = children()
        for _ in range(JOBS_PER_WORKER_MAX - 2):
            await run()
        assert children() == first
        await run()
        await becomes(lambda: len(first & children()) == len(before) + 1)
        await run()


async def test_ctrl_c_in_the_islands_terminal_does_not_reach_a_worker(folder: Path) -> None:
    before = children()
    async with wasm_house(folder) as house:
        await house.run("tick")
        assert all(os.getsid(pid) != os.getsid(0) for pid in children() - before)


async def test_a_worker_that_cannot_start_is_the_islands_fault(folder: Path) -> None:
    async with wasm_house(folder, memory_class_mb=-191) as poor, wasm_house(folder) as house:
        prepared = await house.runtime.prepare(guest("tick"), LIMITS)
        running = await poor.runtime.start(prepared, b"", LIMITS)
        outcome = await running.outcome()
    assert outcome.end is End.ISLAND_FAULT
    assert "worker" in outcome.detail


_ISLAND = """
import asyncio, pathlib, sys
from adapters.runtime.contract import Limits
from adapters.runtime.wasm.runtime import WasmRuntime
from tests.adapters.runtime.guests import guest

async def main():
    runtime = WasmRuntime(folder=pathlib.Path(sys.argv[1]), slots=1)
    running = await runtime.start(await runtime.prepare(guest("sleep"), Limits()), b"", Limits())
    async for line in running.lines():
        print(line.decode(), end="", flush=True)

asyncio.run(main())
"""


async def test_no_worker_outlives_an_island_that_was_killed(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _ISLAND, str(folder)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as island:
        assert island.stdout is not None
        assert await asyncio.to_thread(island.stdout.readline) == "tick\n"
        workers = [child.pid for child in psutil.Process(island.pid).children(recursive=True)]
        assert workers
        island.send_signal(signal.SIGKILL)
    await becomes(lambda: not any(psutil.pid_exists(pid) for pid in workers))
