"""The newest progress of one attempt: told as fast as the network takes it, steps in between are left out."""

import asyncio

from adapters.wire import JobProgress
from island.attempt_key import AttemptKey
from island.cargo_line import ProgressLine
from island.fabric import Fabric


class ProgressWriter:
    def __init__(self, fabric: Fabric, key: AttemptKey) -> None:
        self._fabric = fabric
        self._key = key
        self._newest: ProgressLine | None = None
        self._storing: asyncio.Task[None] | None = None

    def tell(self, progress: ProgressLine) -> None:
        self._newest = progress
        if self._storing is None:
            self._storing = asyncio.create_task(self._store())

    def abandon(self) -> None:
        if self._storing is not None:
            self._storing.cancel()

    async def _store(self) -> None:
        try:
            while self._newest is not None:
                told, self._newest = self._newest, None
                await self._fabric.store_progress(
                    JobProgress(
                        job_id=self._key.wire_id,
                        attempt=self._key.attempt,
                        step=told.step,
                        total=told.total,
                    )
                )
        finally:
            self._storing = None
