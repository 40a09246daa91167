"""Running work side by side, and ending it for sure.

One cancellation is not enough: Python 3.11's `asyncio.wait_for`, by which the NATS client waits, swallows one that
comes as its future is done, and a `TaskGroup` cancels only once. Such a program would not end when told to.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, Final

CANCEL_AGAIN_S: Final = 0.2


async def first_of(*work: Coroutine[Any, Any, None]) -> None:
    """Does all of it side by side until the first has ended, and ends the others. Raises what the first raised."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(tasks)
    for task in ended:
        task.result()


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancels the tasks, again and again, until all of them are done. What they raise is dropped.

    Whoever cancels this meanwhile is heard when they are.
    """
    running = set(tasks)
    is_cancelled = False
    while running:
        for task in running:
            task.cancel()
        try:
            done, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_S)
        except asyncio.CancelledError:
            is_cancelled = True
            continue
        for task in done:
            if not task.cancelled():
                task.exception()
    if is_cancelled:
        raise asyncio.CancelledError
