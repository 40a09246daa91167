"""What happens to a job, told as it happens: its text chunk by chunk, its progress, and how it ends.

Used by the SSE streams and by the WebSocket topic `job.output`. The story begins with the first chunk however late
one comes, or behind a position that was told before, and it outlives lost attempts. The job's state is read from the
log and the text from the output stream, never from a projection, so a story is never late.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

from adapters.nats.outputs import Chunk
from api.attempt_telling import AttemptTelling, Ended, Moment, Resume, Stood, ToldText
from api.changes import Watch, of_job
from api.edge import EdgeState
from api.recorded_job import RecordedJob
from api.shapes.job import ENDED
from api.task_end import end_tasks
from domain.ids import JobId
from domain.job_state import Phase
from projections.jobs import JobRow

READ_AHEAD_CHUNKS_MAX: Final = 64  # Chunks read before the listener took the former; then the reader waits.
LIVE: Final = frozenset({Phase.ASSIGNED, Phase.RUNNING})


class JobMoved:
    """Arrives among the chunks whenever something was recorded about the job."""


Arrival = Chunk | JobMoved | Exception


class JobStory:
    def __init__(self, edge: EdgeState, job_id: JobId, resume: Resume) -> None:
        self._edge = edge
        self._job_id = job_id
        self._resume = resume
        self._told = ToldText()

    async def moments(self) -> AsyncGenerator[Moment]:
        """Ends with `Ended`. The job must exist. Raises what the log and the output stream raise."""
        with self._edge.changes.watch(of_job(self._job_id)) as watch:
            job = await RecordedJob.load(self._edge.services.log, self._job_id)
            state: Phase | None = None
            while True:
                row = recorded(job)
                if row.state is not state:
                    state = row.state
                    yield Stood(state=state)
                if row.attempt and row.island_id:
                    async with aclosing(self._attempt(job, watch)) as attempt:
                        async for moment in attempt:
                            state = moment.state if isinstance(moment, Stood) else state
                            yield moment
                if recorded(job).state in ENDED:
                    yield Ended(row=recorded(job))
                    return
                if recorded(job) is row:
                    await watch.behind(job.version)
                    await job.refresh()

    async def _attempt(self, job: RecordedJob, watch: Watch) -> AsyncGenerator[Moment]:
        """One attempt from its first chunk to its end."""
        row = recorded(job)
        telling = AttemptTelling(row, self._resume, self._told)
        self._resume = Resume()
        for moment in telling.begin():
            yield moment
        if row.state not in ENDED:
            async with aclosing(self._live(job, watch, telling)) as live:
                async for moment in live:
                    yield moment
        now = recorded(job)
        if now.state not in ENDED or now.attempt != row.attempt:
            return
        # The end may have been recorded before its last chunks were heard: all of them are stored by then.
        async for chunk in self._stored(now, skip=telling.chunks):
            for moment in telling.take(chunk):
                yield moment
        for moment in telling.finish():
            yield moment

    async def _live(self, job: RecordedJob, watch: Watch, telling: AttemptTelling) -> AsyncGenerator[Moment]:
        """Chunks as they come, until the attempt is over."""
        row = recorded(job)
        async with aclosing(self._arrivals(row, watch, job.version)) as arrivals:
            async for arrival in arrivals:
                if isinstance(arrival, Chunk):
                    for moment in telling.take(arrival):
                        yield moment
                    continue
                state = recorded(job).state
                await job.refresh()
                now = recorded(job)
                if now.attempt != row.attempt or now.state not in LIVE:
                    return
                if now.state is not state:
                    yield Stood(state=now.state)

    async def _arrivals(self, row: JobRow, watch: Watch, version: int) -> AsyncGenerator[Chunk | JobMoved]:
        """Chunks and movements of the job in the order they come. Endless."""
        assert row.island_id is not None
        chunks = self._edge.services.outputs.follow(
            row.island_id, row.job_id, row.attempt, after=row.output_after
        )
        queue: asyncio.Queue[Arrival] = asyncio.Queue(READ_AHEAD_CHUNKS_MAX)
        readers = (
            asyncio.create_task(pass_on(chunks, queue)),
            asyncio.create_task(announce(watch, version, queue)),
        )
        try:
            while True:
                arrival = await queue.get()
                if isinstance(arrival, Exception):
                    raise arrival
                yield arrival
        finally:
            await end_tasks(readers)

    async def _stored(self, row: JobRow, *, skip: int) -> AsyncGenerator[Chunk]:
        """The chunks of an ended attempt, without those that were taken already."""
        assert row.island_id is not None
        up_to = None if row.output is None else row.output.last
        number = 0
        async for chunk in self._edge.services.outputs.read(
            row.island_id, row.job_id, row.attempt, after=row.output_after, up_to=up_to
        ):
            number += 1
            if number > skip:
                yield chunk


def recorded(job: RecordedJob) -> JobRow:
    assert job.row is not None, "only a job that exists has a story"
    return job.row


async def pass_on(chunks: AsyncIterator[Chunk], queue: asyncio.Queue[Arrival]) -> None:
    """A fault travels the same way as the chunks, so that the listener meets it."""
    try:
        async for chunk in chunks:
            await queue.put(chunk)
    except Exception as fault:  # noqa: BLE001 - raised again by whoever takes it out of the queue
        await queue.put(fault)


async def announce(watch: Watch, version: int, queue: asyncio.Queue[Arrival]) -> None:
    while True:
        version = await watch.behind(version)
        await queue.put(JobMoved())
