"""One WebAssembly job on its worker: its streams, its clock, and the one outcome it comes to.

Made by `runtime.py`. A task of its own waits for the worker's verdict and gives worker and pipes back whatever the
caller does; the caller's `lines()` reads the output itself. Whichever comes first decides the end: the verdict with the
output read to its end, a limit, the wall clock, a stop. All but the first kill the worker, because nothing less ends a
guest that sleeps.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Self

from adapters.runtime.contract import End, Limits, Outcome, Stop
from adapters.runtime.wasm.module_store import PreparedModule
from adapters.runtime.wasm.settings import EPOCH_TICK_S, KILL_GRACE_S, MIB
from adapters.runtime.wasm.streams import StandardError, StandardInput, StandardOutput
from adapters.runtime.wasm.walls import NOBODY
from adapters.runtime.wasm.wire import Garbled, Task, Verdict
from adapters.runtime.wasm.worker_pool import WorkerPool
from adapters.runtime.wasm.worker_process import WorkerProcess


class FailedRunning:
    """A job that the island could not even start."""

    def __init__(self, detail: str) -> None:
        self._outcome = Outcome(end=End.ISLAND_FAULT, detail=detail)

    async def lines(self) -> AsyncIterator[bytes]:
        for line in list[bytes]():
            yield line

    async def stop(self, why: Stop) -> None:
        """It is over."""

    async def outcome(self) -> Outcome:
        return self._outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pipes:
    """Three pipes; `theirs` are the guest's ends: standard input, output, error."""

    ours: tuple[int, int, int]
    theirs: tuple[int, int, int]

    @classmethod
    def open(cls) -> Self:
        opened: list[int] = []
        try:
            for _ in ("input", "output", "error"):
                opened += os.pipe()
            guest_in, our_in, our_out, guest_out, our_err, guest_err = opened
            pipes = cls(ours=(our_in, our_out, our_err), theirs=(guest_in, guest_out, guest_err))
            if os.geteuid() == 0:
                # The engine opens its ends anew by name, as the worker's user.
                for end in pipes.theirs:
                    os.fchown(end, NOBODY, NOBODY)
        except OSError:
            _close_all(opened)
            raise
        return pipes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """An end that the island decided, and that the worker knows nothing of."""

    end: End
    stop: Stop | None = None


class WasmRunning:
    """Takes over the worker: it is given back, or retired, when the guest has ended. Raises OSError and leaves
    the worker alone where the machine is out of descriptors.
    """

    def __init__(
        self,
        *,
        pool: WorkerPool,
        worker: WorkerProcess,
        prepared: PreparedModule,
        stdin: bytes,
        limits: Limits,
    ) -> None:
        pipes = _Pipes.open()
        self._pool = pool
        self._worker: WorkerProcess | None = worker
        self._limits = limits
        self._cut: _Cut | None = None
        self._verdict: Verdict | None = None
        self._fault = "the worker ended without a verdict"
        self._outcome: Outcome | None = None
        self._wall_ms = 0
        self._stderr_tail = b""
        our_in, our_out, our_err = pipes.ours
        self._stdin = StandardInput(our_in, stdin)
        self._stdout = StandardOutput(our_out, limits, lambda end: self._cut_short(_Cut(end=end)))
        self._stderr = StandardError(our_err)
        self._begin(worker, _task(prepared.digest, limits), (*pipes.theirs, prepared.code.descriptor))
        _close_all(pipes.theirs)
        self._supervision = asyncio.create_task(self._supervise(worker))

    @property
    def is_over(self) -> bool:
        """Nothing of the job is left: no worker, no descriptor."""
        return self._supervision.done() and self._stdout.is_over

    def lines(self) -> AsyncIterator[bytes]:
        return self._stdout.lines()

    async def stop(self, why: Stop) -> None:
        if not self.is_over:
            self._cut_short(_Cut(end=End.STOPPED, stop=why))
        self._stdout.drop()
        await asyncio.wait([self._supervision])

    async def outcome(self) -> Outcome:
        await asyncio.wait([self._supervision])
        await self._stdout.drain()
        if self._outcome is None:
            self._outcome = self._conclusion()
        return self._outcome

    def _begin(self, worker: WorkerProcess, task: Task, descriptors: Sequence[int]) -> None:
        try:
            worker.give(task, descriptors)
        except OSError as error:
            # The end of its socket is what the supervision then hears.
            self._fault = f"the worker took no task: {error}"
            worker.kill()

    def _cut_short(self, cut: _Cut) -> None:
        """Only the first cut counts. A worker that is back in the pool is not ours to kill."""
        if self._cut is not None:
            return
        self._cut = cut
        if self._worker is not None:
            self._worker.kill()

    async def _supervise(self, worker: WorkerProcess) -> None:
        began_s = time.monotonic()
        try:
            self._verdict = await self._await_verdict(worker)
        finally:
            self._wall_ms = round((time.monotonic() - began_s) * 1000)
            self._worker = None
            self._stdin.close()
            try:
                await self._return(worker)
            finally:
                self._stderr_tail = self._stderr.finish()

    async def _await_verdict(self, worker: WorkerProcess) -> Verdict | None:
        try:
            async with asyncio.timeout(self._limits.wall_s + KILL_GRACE_S):
                return await worker.verdict()
        except TimeoutError:
            self._cut_short(_Cut(end=End.TIMED_OUT))
        except Garbled as error:
            self._fault = f"the worker's verdict is unreadable: {error}"
        return None

    async def _return(self, worker: WorkerProcess) -> None:
        if self._verdict is None or self._verdict.end is End.ISLAND_FAULT or self._cut is not None:
            await self._pool.retire(worker)
        else:
            self._pool.give_back(worker)

    def _conclusion(self) -> Outcome:
        verdict = self._verdict
        if self._cut is not None:
            end, detail = self._cut.end, ""
        elif verdict is not None:
            end, detail = verdict.end, verdict.detail
        else:
            end, detail = End.ISLAND_FAULT, self._fault
        return Outcome(
            end=end,
            exit_code=verdict.exit_code if verdict is not None and end is End.EXITED else None,
            stop=self._cut.stop if self._cut is not None else None,
            detail=detail,
            wall_ms=self._wall_ms,
            cpu_ms=verdict.cpu_ms if verdict is not None else None,
            memory_peak_mb=verdict.memory_peak_mb if verdict is not None else None,
            fuel_metered=verdict.fuel_metered if verdict is not None else None,
            fuel_engine=verdict.fuel_engine if verdict is not None else None,
            stdout_bytes=self._stdout.bytes_seen,
            lines=self._stdout.lines_seen,
            stderr_tail=self._stderr_tail,
        )


def _task(module: str, limits: Limits) -> Task:
    # One tick more, because the first may fall right after the start.
    epochs = math.ceil(limits.wall_s / EPOCH_TICK_S) + 1
    return Task(module=module, fuel=limits.fuel, epochs=epochs, memory_bytes=limits.memory_mb * MIB)


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
