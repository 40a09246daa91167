"""Work that many clients need at the same moment, done once: who asks while it is under way, or shortly after, gets the
same answer.

Held by `api.edge`, used by the topics of the WebSocket. A key must say everything that the answer depends on.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, TypeVar

RESULTS_KEPT_MAX: Final = 64  # Each a frame of at most 256 KiB or so; the oldest gives way.

T = TypeVar("T")


class SingleFlight:
    def __init__(self) -> None:
        self._tasks: OrderedDict[Hashable, asyncio.Task[Any]] = OrderedDict()

    async def result(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """What `make` answers, or answered to somebody else. Its errors are shared too, and not kept."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.ensure_future(awaited(make))
            task.add_done_callback(lambda done: self._forget_failure(key, done))
            while len(self._tasks) > RESULTS_KEPT_MAX:
                self._tasks.popitem(last=False)
        # Who leaves must not end the work of the others.
        found: T = task.result() if task.done() else await asyncio.shield(task)
        return found

    def _forget_failure(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        if (task.cancelled() or task.exception() is not None) and self._tasks.get(key) is task:
            del self._tasks[key]


async def awaited(make: Callable[[], Awaitable[T]]) -> T:
    return await make()
