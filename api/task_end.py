"""Ending tasks for sure. Used by streams and WebSockets, which must leave nothing running behind them.

One cancellation is not enough: in Python 3.11 `asyncio.wait_for` swallows one that comes as its future is done, and the
database's connection pool waits by it. Such a task would go on for ever.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

AGAIN_S: Final = 0.2


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels the tasks, again and again, until all of them are done. What they raise is dropped."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        done, running = await asyncio.wait(running, timeout=AGAIN_S)
        for task in done:
            if not task.cancelled():
                task.exception()
