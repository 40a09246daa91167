"""Loops without a clock: the order of turns, time that jumps, and programs that stand still."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from tests.simulation.virtual_loop import Schedule, VirtualLoop


class Programs:
    """Some loops on one schedule, and their tasks, which end with the test."""

    def __init__(self, count: int) -> None:
        self.schedule = Schedule()
        self.loops = [VirtualLoop(self.schedule) for _ in range(count)]
        self.tasks: list[asyncio.Task[Any]] = []

    def start(self, work: Coroutine[Any, Any, Any], on: VirtualLoop) -> None:
        self.tasks.append(on.create_task(work))

    def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.schedule.run(self.schedule.now_s)
        for loop in self.loops:
            loop.close()


@pytest.fixture
def programs() -> Iterator[Programs]:
    programs = Programs(2)
    yield programs
    programs.end()


def test_time_jumps_to_the_next_timer_and_never_passes_the_end(programs: Programs) -> None:
    schedule, loop = programs.schedule, programs.loops[0]
    seen: list[tuple[str, float]] = []

    async def sleeper(name: str, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        seen.append((name, loop.time()))

    for name, delay_s in (("late", 3_600.0), ("soon", 1.0), ("never", 9_000.0)):
        programs.start(sleeper(name, delay_s), loop)
    schedule.run(8_000.0)
    assert seen == [("soon", 1.0), ("late", 3_600.0)]
    assert schedule.now_s == 8_000.0


def test_a_time_limit_ends_what_takes_longer(programs: Programs) -> None:
    schedule, loop = programs.schedule, programs.loops[0]

    async def limited() -> float:
        try:
            async with asyncio.timeout(2.0):
                await asyncio.sleep(60)
        except TimeoutError:
            return loop.time()
        return -1.0

    programs.start(limited(), loop)
    schedule.run(100.0)
    assert programs.tasks[0].result() == 2.0


def test_a_frozen_program_does_nothing_until_it_is_thawed_and_others_go_on(
    programs: Programs,
) -> None:
    schedule, (frozen, other) = programs.schedule, programs.loops
    seen: list[tuple[str, float]] = []

    async def ticking(name: str, loop: VirtualLoop) -> None:
        for _ in range(2):
            await asyncio.sleep(1.0)
            seen.append((name, loop.time()))

    programs.start(ticking("frozen", frozen), frozen)
    programs.start(ticking("other", other), other)
    frozen.freeze()
    other.call_later(10.0, frozen.thaw)
    schedule.run(20.0)
    assert seen == [("other", 1.0), ("other", 2.0), ("frozen", 11.0), ("frozen", 12.0)]


def test_what_a_callback_raises_is_kept(programs: Programs) -> None:
    schedule, loop = programs.schedule, programs.loops[0]
    loop.call_soon(int, "no number")
    schedule.run(0.0)
    assert [type(fault["exception"]) for fault in schedule.faults] == [ValueError]
