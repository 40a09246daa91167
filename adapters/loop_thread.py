"""An event loop in a thread of its own, for callers that wait: the `eventsourcing` library is synchronous, NATS is not.

Used by the recorders. Never to be called from the loop it runs: that would wait for itself.
"""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

CALL_S: Final = 120.0
END_S: Final = 5.0

T = TypeVar("T")


class LoopThread:
    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, T], *, timeout_s: float = CALL_S) -> T:
        """What the coroutine returns, waited for. Raises what it raises, and `TimeoutError`."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise

    def close(self) -> None:
        """Ends what still runs there, and the thread. Once."""
        self.call(self._end(), timeout_s=END_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(END_S)
        self._loop.close()

    async def _end(self) -> None:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
