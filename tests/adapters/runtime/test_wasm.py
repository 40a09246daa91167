"""The WebAssembly runtime keeps the contract, with real workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.runtime.wasm.runtime import WasmRuntime
from tests.adapters.runtime.guests import guest
from tests.adapters.runtime.runtime_contract import House, RuntimeContract

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One runtime for all: what a test leaves behind, the next one meets."""
    folder: Path = tmp_path_factory.mktemp("code")

    def another() -> WasmRuntime:
        return WasmRuntime(folder=folder, slots=2)

    runtime = another()
    yield House(runtime=runtime, cargo=guest, another=another)
    await runtime.aclose()


class TestWasmRuntime(RuntimeContract):
    pass
