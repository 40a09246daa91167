"""Whoever waits for the runtime may give up at any moment, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Iterator
from pathlib import Path

import pytest

from adapters.runtime.contract import End, Fault, Limits, RuntimeBroken, Stop, fault
from adapters.runtime.wasm.child_process import ChildProcess
from adapters.runtime.wasm.running import WasmRunning
from adapters.runtime.wasm.runtime import WasmRuntime
from adapters.runtime.wasm.settings import fingerprint
from tests.adapters.runtime.guests import bomb, guest
from tests.adapters.runtime.runtime_contract import House
from tests.adapters.runtime.traces import NOTHING, Traces, becomes, children, descriptors
from tests.adapters.runtime.wasm.house import wasm_house

LIMITS = Limits(memory_mb=64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("code")


async def run_and_tidy_up(house: House) -> None:
    """What the island does: whoever started a job stops it on the way out."""
    running = await house.start("echo", b"x" * 70_000 + b"\n", Limits(line_bytes=1 << 20))
    try:
        assert [len(line) async for line in running.lines()] == [70_001]
        await running.outcome()
    finally:
        await running.stop(Stop.CANCELLED)


@contextlib.asynccontextmanager
async def settled_house(folder: Path) -> AsyncIterator[House]:
    """One worker and the spare are there, and every cargo is prepared: a job opens no descriptor but its own."""
    others = children()
    async with wasm_house(folder, slots=1) as house:
        for name in ("exit_7", "echo"):
            await house.run(name)
        await becomes(lambda: len(children() - others) == 2)
        yield house


async def give_up_after(turns: int, what: Awaitable[None]) -> bool:
    """Cancel after so many turns of the loop. False if it was over before."""
    task = asyncio.ensure_future(what)
    for _ in range(turns):
        await asyncio.sleep(0)
        if task.done():
            break
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()


async def test_a_job_may_be_given_up_at_any_turn_of_the_loop(folder: Path) -> None:
    async with wasm_house(folder) as house:
        await run_and_tidy_up(house)
        turns = 0
        while await give_up_after(turns, run_and_tidy_up(house)):
            turns += 1 + turns // 4
        assert turns > 10
        # Both slots are free.
        await asyncio.gather(run_and_tidy_up(house), run_and_tidy_up(house))


@pytest.mark.parametrize("seconds", [0.001, 0.05, 0.1])
async def test_the_first_job_may_be_given_up_while_its_worker_starts(folder: Path, seconds: float) -> None:
    async with wasm_house(folder) as house:
        await house.runtime.prepare(guest("sleep"), LIMITS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await run_and_tidy_up(house)
        await run_and_tidy_up(house)


@pytest.mark.parametrize("seconds", [0.005, 0.1])
async def test_compiling_may_be_given_up(tmp_path: Path, seconds: float) -> None:
    async with wasm_house(tmp_path) as house:
        before = children()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await house.runtime.prepare(bomb(12_000), LIMITS)
        assert children() == before
        await run_and_tidy_up(house)


async def test_closing_waits_for_files_that_a_given_up_caller_left_open(tmp_path: Path) -> None:
    """The cache works in a thread, and a thread goes on when its caller is gone."""
    os.mkfifo(tmp_path / "key")
    before = Traces()
    runtime = WasmRuntime(folder=tmp_path, slots=1)
    preparing = asyncio.ensure_future(runtime.prepare(guest("tick"), LIMITS))
    await becomes((tmp_path / fingerprint()).exists)
    preparing.cancel()
    await asyncio.wait([preparing])
    closing = asyncio.ensure_future(runtime.aclose())
    done, _ = await asyncio.wait([closing], timeout=0.05)
    # The thread waits for a writer of the pipe that lies where its key should.
    await asyncio.to_thread((tmp_path / "key").write_bytes, bytes(32))
    await closing
    assert not done
    assert before.left() == NOTHING


async def test_closing_ends_a_compilation(tmp_path: Path) -> None:
    before = Traces()
    runtime = WasmRuntime(folder=tmp_path, slots=1)
    preparing = asyncio.ensure_future(runtime.prepare(bomb(12_000), LIMITS))
    await becomes(lambda: children() > before.children)
    await runtime.aclose()
    assert children() == before.children
    with pytest.raises(RuntimeBroken, match="closed"):
        await preparing
    assert before.left() == NOTHING


async def test_closing_while_workers_start_leaves_none(folder: Path) -> None:
    before = Traces()
    runtime = WasmRuntime(folder=folder, slots=2)
    prepared = await runtime.prepare(guest("sleep"), LIMITS)
    starting = [asyncio.ensure_future(runtime.start(prepared, b"", LIMITS)) for _ in range(4)]
    await becomes(lambda: children() > before.children)
    await runtime.aclose()
    for running in await asyncio.gather(*starting):
        assert (await running.outcome()).end in {End.ISLAND_FAULT, End.STOPPED}
    assert before.left() == NOTHING


async def test_a_job_that_nobody_asks_after_is_gone_when_the_runtime_closes(folder: Path) -> None:
    async with wasm_house(folder) as house:
        await house.start("sleep")
        await house.start("flood")


async def test_a_reader_who_breaks_off_does_not_keep_the_pipe(folder: Path) -> None:
    async with settled_house(folder) as house:
        before = descriptors()
        running = await house.start("echo", b"one\ntwo\n")
        async for _ in running.lines():
            break
        assert (await running.outcome()).lines == 2
        assert descriptors() == before


async def test_an_input_that_nobody_reads_is_closed_with_the_job(folder: Path) -> None:
    async with settled_house(folder) as house:
        before = descriptors()
        running = await house.start("exit_7", b"x" * (1 << 20))
        await running.outcome()
        assert descriptors() == before


async def test_a_stop_that_comes_after_the_end_and_before_the_question_changes_nothing(folder: Path) -> None:
    async with wasm_house(folder) as house:
        running = await house.start("tick")
        assert isinstance(running, WasmRunning)
        assert [line async for line in running.lines()] == [b"tick\n"]
        await becomes(lambda: running.is_over)
        await running.stop(Stop.CANCELLED)
        assert (await running.outcome()).end is End.EXITED


async def test_who_gives_up_waiting_for_a_process_ends_it() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        before = children()
        worker = ChildProcess("worker", "64", stdin=theirs.fileno())
        waiting = asyncio.ensure_future(worker.exit_code())
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        assert not done
        waiting.cancel()
        await asyncio.wait([waiting])
        assert children() == before


@contextlib.contextmanager
def descriptors_at_most(bound: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (bound, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_machine_without_descriptors_is_the_islands_fault(folder: Path) -> None:
    async with settled_house(folder) as house:
        prepared = await house.runtime.prepare(guest("echo"), LIMITS)
        before = descriptors()
        lowest_free = min(set(range(len(before) + 1)) - {int(number) for number in before})
        with descriptors_at_most(lowest_free + 3):
            running = await house.runtime.start(prepared, b"", LIMITS)
        outcome = await running.outcome()
        assert (outcome.end, fault(outcome)) == (End.ISLAND_FAULT, Fault.ISLAND)
        assert descriptors() == before
        await run_and_tidy_up(house)
