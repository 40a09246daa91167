"""A job as the log has it at this moment, ahead of any projection. Used by streams and right after a write."""

from collections.abc import Sequence
from typing import Any, Self

from commands.event_log import EventLog
from domain.batch import BATCH
from domain.ids import JobId
from domain.job import JOB
from projections.jobs import JobRow, job_after


class RecordedJob:
    """`row` is None until the job was submitted; `version` is the position of its newest commit."""

    def __init__(self, log: EventLog, job_id: JobId, *, is_batch: bool = False) -> None:
        self._log = log
        self._stream = (BATCH if is_batch else JOB).stream(job_id)
        self.row: JobRow | None = None
        self.version = 0

    @classmethod
    async def load(cls, log: EventLog, job_id: JobId) -> Self:
        job = cls(log, job_id)
        await job.refresh()
        return job

    @classmethod
    async def load_batch(cls, log: EventLog, batch_id: JobId) -> Self:
        """The job that a batch is for whoever asks for it."""
        batch = cls(log, batch_id, is_batch=True)
        await batch.refresh()
        return batch

    async def refresh(self) -> None:
        """Reads what was recorded since. Raises `LogUnavailable`."""
        past = await self._log.load(self._stream, after=self.version)
        self.take(past.events, past.version)

    def take(self, events: Sequence[Any], position: int) -> None:
        """The events up to `position`, which follow those taken before."""
        for event in events:
            self.row = job_after(self.row, event, position)
            self.version = position
