"""Warm workers of one memory class: as many busy ones as there are slots, and a spare.

`runtime.py` takes a worker for each job and gives it back, or has it retired. Workers are made when they are needed
first, the spare ahead of its time, so that the job after a kill finds one ready. A worn worker is replaced after
JOBS_PER_WORKER_MAX jobs: what a library leaks stays small.

A new worker always goes to the idle ones first and is taken from there. Were it handed to the one who waits for it, a
cancellation in that instant would lose a process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Final

from adapters.runtime.contract import RuntimeBroken
from adapters.runtime.wasm.walls import Wall
from adapters.runtime.wasm.worker_process import WorkerProcess

JOBS_PER_WORKER_MAX: Final = 500

_log = logging.getLogger(__name__)


class WorkerPool:
    def __init__(self, *, slots: int, memory_class_mb: int) -> None:
        self._memory_class_mb = memory_class_mb
        self._idle_max = slots + 1
        self._slots = asyncio.Semaphore(slots)
        self._idle: list[WorkerProcess] = []
        self._chores: set[asyncio.Task[None]] = set()
        self._spare: asyncio.Task[None] | None = None
        self._is_shut = False
        self.walls: frozenset[Wall] = frozenset()

    async def take(self) -> WorkerProcess:
        """Wait for a free slot, then for a worker. Raises RuntimeBroken."""
        await self._slots.acquire()
        try:
            while (worker := self._pop_idle()) is None:
                spawning = self._aside(self._add())
                await asyncio.wait([spawning])
                spawning.result()
        except BaseException:
            self._slots.release()
            raise
        if not self._idle and (self._spare is None or self._spare.done()):
            self._spare = self._aside(self._add_spare())
        return worker

    def give_back(self, worker: WorkerProcess) -> None:
        """The worker has answered and is as it was before the job."""
        if self._is_shut or worker.jobs >= JOBS_PER_WORKER_MAX or len(self._idle) >= self._idle_max:
            self._aside(worker.end())
        else:
            self._idle.append(worker)
        self._slots.release()

    async def retire(self, worker: WorkerProcess) -> None:
        """Nothing may be known about the worker: kill it. Its slot is free when it is gone."""
        try:
            await worker.end()
        finally:
            self._slots.release()

    def shut(self) -> None:
        """From now on nobody gets a worker. Those still busy are killed when they come back."""
        self._is_shut = True

    async def aclose(self) -> None:
        """Shut, and kill every idle worker."""
        self.shut()
        while self._idle:
            self._aside(self._idle.pop().end())
        while self._chores:
            await asyncio.wait(self._chores)

    def _pop_idle(self) -> WorkerProcess | None:
        if self._is_shut:
            raise RuntimeBroken("the runtime is closed")
        # The one used last comes first: it has the code of recent jobs loaded.
        while self._idle:
            worker = self._idle.pop()
            if worker.is_fit:
                return worker
            self._aside(worker.end())
        return None

    async def _add(self) -> None:
        worker = await WorkerProcess.spawn(self._memory_class_mb)
        self.walls = worker.walls
        if self._is_shut:
            await worker.end()
        else:
            # Below those that have worked: a spare knows no code yet.
            self._idle.insert(0, worker)

    async def _add_spare(self) -> None:
        try:
            await self._add()
        except RuntimeBroken as error:
            # The next job tries again and tells its caller.
            _log.warning("wasm_spare_failed", extra={"detail": str(error)})

    def _aside(self, chore: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
        return task
