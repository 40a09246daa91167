"""Tasks that run beside everything else: kept until they end, looked at when they do, cancelled when the island leaves.

Used by the agent for attempts and for single messages that are tried until they are stored.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)


class Errands:
    """`on_ended` is called after each end. An errand that breaks is logged; the others go on."""

    def __init__(self, on_ended: Callable[[], None]) -> None:
        self._on_ended = on_ended
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def cancel(self) -> None:
        """All that is under way now; each cleans up by itself."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Cancels all and waits until they have cleaned up."""
        tasks = list(self._tasks)
        self.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("errand_broke", exc_info=task.exception())
        self._on_ended()
