"""Which modules may not even be started, and what they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.runtime.contract import Limits, Refusal, Refused
from adapters.runtime.wasm.compiler_process import CompileBounds
from adapters.runtime.wasm.runtime import WasmRuntime
from adapters.runtime.wasm.settings import MODULE_BYTES_MAX
from tests.adapters.runtime.guests import artifact, bomb, guest, refused
from tests.adapters.runtime.traces import NOTHING, Traces

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = Limits(memory_mb=64)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def runtime(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WasmRuntime]:
    before = Traces()
    runtime = WasmRuntime(folder=tmp_path_factory.mktemp("code"), slots=1)
    yield runtime
    await runtime.aclose()
    assert before.left() == NOTHING


@pytest.mark.parametrize("asks_for", refused())
async def test_a_module_is_refused_that_asks_for(runtime: WasmRuntime, asks_for: str) -> None:
    code, module = refused()[asks_for]
    with pytest.raises(Refused) as refusal:
        await runtime.prepare(module, LIMITS)
    assert refusal.value.code is code
    assert refusal.value.detail


async def test_a_refusal_names_the_import(runtime: WasmRuntime) -> None:
    with pytest.raises(Refused, match=r"imports env\.open_the_door"):
        await runtime.prepare(refused()["a function of another host"][1], LIMITS)


@pytest.mark.parametrize("digest", ["", "md5:00", "sha256:../../key", "sha256:" + "A" * 64])
async def test_a_digest_of_another_form_is_refused(runtime: WasmRuntime, digest: str) -> None:
    with pytest.raises(Refused) as refusal:
        await runtime.prepare(replace(guest("tick"), digest=digest), LIMITS)
    assert refusal.value.code is Refusal.DIGEST_MISMATCH


async def test_a_module_that_is_too_large_is_not_looked_at(runtime: WasmRuntime) -> None:
    with pytest.raises(Refused) as refusal:
        await runtime.prepare(artifact(bytes(MODULE_BYTES_MAX + 1)), LIMITS)
    assert refusal.value.code is Refusal.MODULE_TOO_LARGE


async def test_more_memory_than_the_workers_have_is_refused(runtime: WasmRuntime) -> None:
    with pytest.raises(Refused) as refusal:
        await runtime.prepare(guest("tick"), replace(LIMITS, memory_mb=1025))
    assert refusal.value.code is Refusal.MEMORY_OVER_CLASS


async def test_the_limit_counts_even_for_a_module_that_is_known(runtime: WasmRuntime) -> None:
    _, module = refused()["4 GiB at once"]
    for _ in range(2):
        with pytest.raises(Refused) as refusal:
            await runtime.prepare(module, LIMITS)
        assert refusal.value.code is Refusal.MEMORY_TOO_LARGE


async def test_an_exact_cargo_may_not_see_time_pass(runtime: WasmRuntime) -> None:
    polls = guest("tick")
    await runtime.prepare(polls, LIMITS)
    with pytest.raises(Refused) as refusal:
        await runtime.prepare(replace(polls, is_exact=True), LIMITS)
    assert refusal.value.code is Refusal.IMPORT_NOT_EXACT
    await runtime.prepare(replace(guest("look_around"), is_exact=True), LIMITS)


@pytest.mark.parametrize(
    "bounds", [CompileBounds(wall_s=0.2), CompileBounds(data_mb=96), CompileBounds(cpu_s=1)], ids=str
)
async def test_a_compile_bomb_is_refused_and_its_process_is_gone(
    tmp_path: Path, bounds: CompileBounds
) -> None:
    before = Traces()
    runtime = WasmRuntime(folder=tmp_path, slots=1, compile_bounds=bounds)
    with pytest.raises(Refused) as refusal:
        await runtime.prepare(bomb(12_000), LIMITS)
    assert refusal.value.code is Refusal.COMPILING_TOO_COSTLY
    assert before.left() == NOTHING
    await runtime.aclose()
