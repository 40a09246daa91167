"""A WebAssembly runtime with two slots for the tests beside this file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.runtime.wasm.runtime import MEMORY_CLASS_MB, WasmRuntime
from tests.adapters.runtime.guests import guest
from tests.adapters.runtime.runtime_contract import House
from tests.adapters.runtime.traces import NOTHING, Traces


@asynccontextmanager
async def wasm_house(
    folder: Path, *, slots: int = 2, memory_class_mb: int = MEMORY_CLASS_MB
) -> AsyncIterator[House]:
    """Fails if the runtime leaves a process or a descriptor behind."""

    def another() -> WasmRuntime:
        return WasmRuntime(folder=folder, slots=slots, memory_class_mb=memory_class_mb)

    before = Traces()
    runtime = another()
    try:
        yield House(runtime=runtime, cargo=guest, another=another)
    finally:
        await runtime.aclose()
    assert before.left() == NOTHING
