"""What a guest may try, and what stops it. One pool serves them all, so each also meets the traces of the others."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import psutil
import pytest
import pytest_asyncio

from adapters.runtime.contract import (
    STDERR_TAIL_BYTES_MAX,
    End,
    FailureCode,
    Fault,
    Limits,
    failure_code,
    fault,
)
from tests.adapters.runtime.runtime_contract import House, first_line
from tests.adapters.runtime.traces import becomes, children
from tests.adapters.runtime.wasm.house import wasm_house

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIGHT = Limits(memory_mb=16, wall_s=0.2, fuel=10**12, output_bytes=1 << 20)
ROOMY = Limits(memory_mb=16, wall_s=20.0)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with wasm_house(tmp_path_factory.mktemp("code")) as house:
        await house.runtime.probe()
        yield house


@pytest.mark.parametrize("guest", ["spin", "spin_before_start"])
async def test_a_guest_that_computes_for_ever_is_timed_out_and_its_worker_lives(
    house: House, guest: str
) -> None:
    await house.run("tick")
    before = children()
    _, outcome = await house.run(guest, limits=TIGHT)
    assert outcome.end is End.TIMED_OUT
    assert 200 <= outcome.wall_ms < 600
    assert outcome.cpu_ms is not None
    assert before <= children()


async def test_a_guest_that_sleeps_is_killed_with_its_worker(house: House) -> None:
    await house.run("tick")
    before = children()
    _, outcome = await house.run("sleep", limits=TIGHT)
    assert outcome.end is End.TIMED_OUT
    assert outcome.wall_ms >= 700
    assert not before <= children()


@pytest.mark.parametrize("guest", ["spin", "spin_before_start"])
async def test_a_guest_without_fuel_stops(house: House, guest: str) -> None:
    _, outcome = await house.run(guest, limits=replace(ROOMY, fuel=10**7))
    assert outcome.end is End.OUT_OF_FUEL
    assert outcome.fuel_engine == 10**7
    assert outcome.wall_ms < 2000
    assert (failure_code(outcome), fault(outcome)) == (FailureCode.OUT_OF_FUEL, Fault.CARGO)


async def test_fuel_counts_the_same_work_the_same(house: House) -> None:
    used = {(await house.run("tick"))[1].fuel_engine for _ in range(3)}
    assert len(used) == 1
    assert 0 < (used.pop() or 0) < 1000


async def test_a_flood_is_over_in_no_time(house: House) -> None:
    _, outcome = await house.run("flood", limits=replace(ROOMY, output_bytes=1 << 20))
    assert outcome.end is End.OUTPUT_LIMIT
    assert outcome.wall_ms < 1000


async def test_a_flood_of_complaints_is_cut_to_its_tail(house: House) -> None:
    lines, outcome = await house.run("complain_for_ever", limits=TIGHT)
    assert (lines, outcome.end) == ([b"tick\n"], End.TIMED_OUT)
    assert outcome.stderr_tail == b"x" * STDERR_TAIL_BYTES_MAX


async def test_memory_stops_growing_at_the_limit(house: House) -> None:
    _, outcome = await house.run("hog", limits=ROOMY)
    assert (outcome.end, outcome.exit_code) == (End.EXITED, 3)
    # It grows by 1 MiB and starts with a little less than one, so the last step does not fit.
    assert outcome.memory_peak_mb == ROOMY.memory_mb


async def test_behind_the_memory_limit_stands_the_kernels(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A worker sized for 16 MB does not hold 1 GiB, even if nobody told its guest."""
    async with wasm_house(tmp_path_factory.mktemp("small"), memory_class_mb=16) as small:
        prepared = await small.runtime.prepare(small.cargo("hog"), ROOMY)
        running = await small.runtime.start(prepared, b"", replace(ROOMY, memory_mb=1024))
        outcome = await running.outcome()
    assert (outcome.end, outcome.exit_code) == (End.EXITED, 3)
    assert (outcome.memory_peak_mb or 0) < 16 + 192


@pytest.mark.parametrize(
    ("guest", "detail"), [("unreachable", "unreachable"), ("recursion", "stack overflow")]
)
async def test_a_trap_is_the_cargos_fault_and_says_what_it_was(house: House, guest: str, detail: str) -> None:
    _, outcome = await house.run(guest)
    assert (outcome.end, outcome.detail) == (End.TRAPPED, detail)
    assert (outcome.exit_code, outcome.fuel_engine) == (None, None)
    assert (failure_code(outcome), fault(outcome)) == (FailureCode.CRASHED, Fault.CARGO)


async def test_an_exit_code_that_wasi_does_not_have_is_a_trap(house: House) -> None:
    _, outcome = await house.run("exit_126")
    assert (outcome.end, failure_code(outcome)) == (End.TRAPPED, FailureCode.CRASHED)
    assert "exit status" in outcome.detail


async def test_a_table_too_large_is_refused_at_the_start(house: House) -> None:
    _, outcome = await house.run("large_table")
    assert outcome.end is End.REFUSED
    assert "table" in outcome.detail
    assert (failure_code(outcome), fault(outcome)) == (FailureCode.VERIFICATION_FAILED, Fault.NOBODY)


async def test_metered_fuel_survives_a_trap(house: House) -> None:
    _, outcome = await house.run("metered")
    assert (outcome.end, outcome.fuel_metered) == (End.TRAPPED, 600)


async def test_a_guest_finds_no_environment_no_folder_and_no_descriptor(house: House) -> None:
    _, outcome = await house.run("look_around")
    assert (outcome.end, outcome.exit_code) == (End.EXITED, 0)


async def test_nothing_of_the_job_before_is_left_in_memory(house: House) -> None:
    await house.run("canary")
    workers = children()
    for _ in range(5):
        assert (await house.run("canary"))[0] == [b"clean\n"]
    assert children() == workers


async def test_a_worker_that_dies_in_mid_job_is_the_islands_fault(house: House) -> None:
    idle = workers_of_ours()
    running = await house.start("sleep")
    assert await first_line(running) == b"tick\n"
    workers = idle | workers_of_ours()
    for pid in workers & workers_of_ours():
        os.kill(pid, signal.SIGKILL)
    await becomes(lambda: all(_is_gone(pid) for pid in workers))
    outcome = await running.outcome()
    assert outcome.end is End.ISLAND_FAULT
    assert (failure_code(outcome), fault(outcome)) == (FailureCode.RUNTIME_MISSING, Fault.ISLAND)
    # The idle ones were killed as well, and the next job does not meet them.
    assert (await house.run("tick"))[1].end is End.EXITED


def workers_of_ours() -> set[int]:
    """The workers alone: other tests' servers are children of the same process."""
    return {
        child.pid
        for child in psutil.Process().children(recursive=True)
        if "adapters.runtime.wasm.worker" in child.cmdline()
    }


def _is_gone(pid: int) -> bool:
    """With all its threads, whether or not somebody has asked for its exit code."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True
