"""`python -m tests.faults.lying_island`: an island like any other, but every answer it gives has its digits turned.

It passes its self-test, signs what it says and keeps every lease, so nothing but another result can show it.
"""

import sys
from collections.abc import AsyncIterator
from typing import Final

from adapters.runtime.contract import Limits, Outcome, Prepared, Running, Stop
from adapters.runtime.wasm.runtime import WasmRuntime
from island.__main__ import main

TOKEN: Final = b'{"type":"token"'
TURNED: Final = bytes.maketrans(b"0123456789", b"1234567890")

honest_start = WasmRuntime.start


class LyingRunning:
    """A running job whose tokens are changed on their way out."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def lines(self) -> AsyncIterator[bytes]:
        async for line in self._running.lines():
            yield line.translate(TURNED) if line.startswith(TOKEN) else line

    async def stop(self, why: Stop) -> None:
        await self._running.stop(why)

    async def outcome(self) -> Outcome:
        return await self._running.outcome()


async def lying_start(self: WasmRuntime, prepared: Prepared, stdin: bytes, limits: Limits) -> Running:
    return LyingRunning(await honest_start(self, prepared, stdin, limits))


if __name__ == "__main__":
    WasmRuntime.start = lying_start  # type: ignore[method-assign] # the one thing that differs
    sys.exit(main())
