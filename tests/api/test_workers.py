"""Workers that fail and come back: health says so while they are in trouble, and no longer."""

import asyncio
from contextlib import suppress

import pytest

from api import workers
from api.workers import Troubles, keep_running


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "WELL_AFTER_S", 0.02)
    monkeypatch.setattr(workers, "RESTART_FIRST_S", 0.01)


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_worker_that_runs_again_is_in_no_trouble_any_more() -> None:
    troubles, fails = Troubles(), [True, True]

    async def work() -> None:
        if fails:
            fails.pop()
            raise ConnectionError("the server went away")
        await asyncio.sleep(60)

    task = asyncio.create_task(keep_running("copying", work, troubles))
    async with asyncio.timeout(5):
        while "copying" not in troubles.by_worker:
            await asyncio.sleep(0.001)
        while troubles.by_worker:
            await asyncio.sleep(0.001)
    assert fails == []
    await ended(task)


async def test_a_worker_that_fails_at_once_each_time_stays_in_trouble() -> None:
    troubles, tries = Troubles(), 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        raise ValueError("a fact that nobody knows")

    task = asyncio.create_task(keep_running("copying", work, troubles))
    async with asyncio.timeout(5):
        while tries < 4:
            await asyncio.sleep(0.001)
    assert troubles.by_worker == {"copying": "ValueError('a fact that nobody knows')"}
    await ended(task)


@pytest.mark.parametrize("after_s", [0.0, 0.05])
async def test_a_worker_that_is_cancelled_saves_what_it_has(after_s: float) -> None:
    saved: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            saved.append("all of it")

    task = asyncio.create_task(keep_running("copying", work, Troubles()))
    await asyncio.sleep(after_s + 0.001)
    await ended(task)
    assert saved == ["all of it"]


async def test_a_worker_whose_cancelling_a_library_makes_an_error_of_its_own_ends_all_the_same() -> None:
    troubles, waits = Troubles(), asyncio.Event()

    async def work() -> None:
        waits.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionError("the connection is closed") from None

    task = asyncio.create_task(keep_running("copying", work, troubles))
    await waits.wait()
    task.cancel()
    ended_ones, _ = await asyncio.wait([task], timeout=2)
    assert ended_ones == {task}
    assert task.cancelled()
    assert troubles.by_worker == {}


async def test_a_worker_that_takes_its_cancelling_for_an_outage_is_told_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.workers.TOLD_AGAIN_S", 0.01)
    waits, outages = asyncio.Event(), 0

    async def work() -> None:
        nonlocal outages
        waits.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            outages += 1
        await asyncio.sleep(60)

    task = asyncio.create_task(keep_running("watching", work, Troubles()))
    await waits.wait()
    task.cancel()
    ended_ones, _ = await asyncio.wait([task], timeout=2)
    assert (ended_ones, outages) == ({task}, 1)
    assert task.cancelled()


async def test_a_worker_whose_task_group_failed_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """In Python 3.11 such a group leaves the task looking as if it were being cancelled."""
    monkeypatch.setattr("api.workers.RESTART_FIRST_S", 0.01)
    began, again = 0, asyncio.Event()

    async def refused() -> None:
        await asyncio.sleep(0)
        raise ConnectionError("away")

    async def work() -> None:
        nonlocal began
        began += 1
        if began == 1:
            async with asyncio.TaskGroup() as group:
                group.create_task(refused())
        again.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(keep_running("dispatching", work, Troubles()))
    async with asyncio.timeout(2):
        await again.wait()
    await ended(task)
