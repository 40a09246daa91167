"""WebAssembly cargos behind the runtime contract: the way into this package.

Built by the island's composition root, one for each memory class it offers. `prepare` turns a module into sealed
machine code (admission and compiling in a process of their own, a cache on disk); `start` hands it to a warm worker.
Linux only: nothing else has SOCK_SEQPACKET, `/proc/self/fd` and sealed memory together, and `probe` says so.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import sys
from pathlib import Path
from typing import Final

from adapters.runtime.contract import (
    Artifact,
    Capability,
    End,
    Limits,
    Prepared,
    Refusal,
    Refused,
    Running,
    RuntimeBroken,
    Stop,
)
from adapters.runtime.wasm import self_test
from adapters.runtime.wasm.compiled_module import PAGE_BYTES
from adapters.runtime.wasm.compiler_process import COMPILE_BOUNDS, CompileBounds
from adapters.runtime.wasm.module_store import ModuleStore, PreparedModule
from adapters.runtime.wasm.running import FailedRunning, WasmRunning
from adapters.runtime.wasm.settings import MIB
from adapters.runtime.wasm.walls import Wall
from adapters.runtime.wasm.worker_pool import WorkerPool

MEMORY_CLASS_MB: Final = 1024
"""Covers trust levels 0 and 1."""


class WasmRuntime:
    """`folder` keeps compiled code between starts, `slots` jobs run at a time."""

    def __init__(
        self,
        *,
        folder: Path,
        slots: int,
        memory_class_mb: int = MEMORY_CLASS_MB,
        compile_bounds: CompileBounds = COMPILE_BOUNDS,
    ) -> None:
        self._memory_class_mb = memory_class_mb
        self._pool = WorkerPool(slots=slots, memory_class_mb=memory_class_mb)
        self._store = ModuleStore(folder, compile_bounds)
        self._running: set[WasmRunning] = set()

    async def probe(self) -> Capability:
        """The self-test is a job like others and waits for a free slot."""
        reasons = _missing()
        score = 0.0
        if not reasons:
            try:
                score = await self._self_test()
            except (Refused, RuntimeBroken) as error:
                reasons = (str(error),)
        walls = self._pool.walls
        return Capability(
            runtime="wasm",
            offered=not reasons,
            engine="wasmtime",
            engine_version=_engine_version(),
            score=score,
            memory_mb_max=self._memory_class_mb,
            walls=tuple(sorted(walls)),
            gaps=tuple(sorted(set(Wall) - walls)),
            reasons=reasons,
        )

    async def prepare(self, cargo: Artifact, limits: Limits) -> PreparedModule:
        if limits.memory_mb > self._memory_class_mb:
            detail = f"limits.memory_mb must be at most {self._memory_class_mb} here, not {limits.memory_mb}"
            raise Refused(Refusal.MEMORY_OVER_CLASS, detail)
        prepared = await self._store.get(cargo)
        starts_with_bytes = prepared.memory_pages * PAGE_BYTES
        if starts_with_bytes > limits.memory_mb * MIB:
            detail = f"starts with {starts_with_bytes} bytes of memory and may have {limits.memory_mb} MB"
            raise Refused(Refusal.MEMORY_TOO_LARGE, detail)
        if cargo.is_exact and not prepared.is_exact:
            raise Refused(Refusal.IMPORT_NOT_EXACT, "an exact cargo may import no clock, entropy or poll")
        return prepared

    async def start(self, prepared: Prepared, stdin: bytes, limits: Limits) -> Running:
        assert isinstance(prepared, PreparedModule), "what another runtime prepared cannot be started here"
        try:
            worker = await self._pool.take()
        except RuntimeBroken as broken:
            return FailedRunning(str(broken))
        # No await from here on: a cancellation would lose the worker.
        try:
            running = WasmRunning(
                pool=self._pool, worker=worker, prepared=prepared, stdin=stdin, limits=limits
            )
        except OSError as error:
            self._pool.give_back(worker)
            return FailedRunning(f"no descriptors left for a job: {error}")
        self._running = {other for other in self._running if not other.is_over}
        self._running.add(running)
        return running

    async def aclose(self) -> None:
        self._pool.shut()
        await asyncio.gather(*(running.stop(Stop.DRAINING) for running in self._running))
        await self._pool.aclose()
        await self._store.aclose()

    async def _self_test(self) -> float:
        """The score. Raises Refused or RuntimeBroken."""
        prepared = await self.prepare(self_test.cargo(), self_test.LIMITS)
        running = await self.start(prepared, self_test.QUESTION, self_test.LIMITS)
        try:
            answer = b"".join([line async for line in running.lines()])
            outcome = await running.outcome()
        finally:
            await running.stop(Stop.DRAINING)
        if outcome.end is not End.EXITED or outcome.exit_code != 0 or outcome.cpu_ms is None:
            raise RuntimeBroken(f"the self-test ended as {outcome.end}: {outcome.detail}")
        if answer != self_test.ANSWER:
            raise RuntimeBroken(f"the self-test answered {answer.hex()}, not {self_test.ANSWER.hex()}")
        return self_test.score(outcome.cpu_ms)


def _engine_version() -> str:
    try:
        return importlib.metadata.version("wasmtime")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _missing() -> tuple[str, ...]:
    """What this machine would need, before anything is tried on it."""
    reasons = []
    if sys.platform != "linux":
        reasons.append(f"the WebAssembly runtime is built for Linux, and this is {sys.platform}")
    if not _engine_version():
        reasons.append("the package wasmtime is not installed")
    return tuple(reasons)
