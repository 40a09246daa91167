"""Tasks end, even where a library swallows their cancellation."""

import asyncio

from api.task_end import end_tasks


async def test_a_task_that_swallows_a_cancellation_is_ended_all_the_same() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 1:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await end_tasks([task])
    assert task.cancelled()
    assert swallowed == 2


async def test_a_task_that_failed_is_dropped_silently() -> None:
    async def fail() -> None:
        raise KeyError

    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    await end_tasks([task])
    assert task.done()
