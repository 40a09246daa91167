"""WebSocket topics told straight from the log and the output stream: one job, its output, and the facts themselves.

Called by `api.subscriptions`. They are ahead of every projection.
"""

from contextlib import aclosing
from typing import Final, assert_never

from adapters.codec import EVENTS
from api.attempt_telling import Ended, Finished, Moment, Restarted, Resume, Step, Stood, Text
from api.batch_story import BatchStory
from api.changes import of_batch, of_job
from api.edge import EdgeState
from api.errors import invalid, not_found
from api.fact_feed import Audience
from api.job_story import JobStory
from api.key_ring import Caller
from api.recorded_job import RecordedJob
from api.row_topic import Emit
from api.server_frames import (
    Change,
    End,
    Gap,
    Output,
    Snapshot,
    SubscriptionFrame,
)
from api.server_frames import Restarted as RestartedFrame
from api.shapes.job import ENDED, job_shape
from domain.api_key import Scope
from domain.ids import JobId

CATEGORIES: Final = frozenset(name.partition(".")[0] for name in EVENTS)
RESUME_COMMITS_MAX: Final = 100_000  # Facts of the whole network that one resumption may search through.


async def recorded_own_job(edge: EdgeState, caller: Caller, job_id: JobId) -> RecordedJob:
    """A job or a batch. Raises `ApiError` (not_found)."""
    job = await RecordedJob.load(edge.services.log, job_id)
    if job.row is None:
        job = await RecordedJob.load_batch(edge.services.log, job_id)
    if job.row is None or job.row.account_id != caller.account_id:
        raise not_found(f"job {job_id}")
    return job


async def follow_job(edge: EdgeState, caller: Caller, job_id: JobId, after: int | None, emit: Emit) -> None:
    """One job or batch, until it has ended."""
    job = await recorded_own_job(edge, caller, job_id)
    topic = of_job(job_id) if job.row is None or job.row.batch is None else of_batch(job_id)
    with edge.changes.watch(topic) as watch:
        await job.refresh()  # What was recorded before the watch began is not told by it.
        told = None
        if after is not None and not await edge.changes.has_seen(after):
            await emit(Gap(0))
            after = None
        while True:
            row = job.row
            assert row is not None
            if row is not told:
                shape = job_shape(row, cargo_number=await edge.cargo_numbers.of(row.cargo_slug))
                if told is None and after is None:
                    await emit(Snapshot(job.version, [shape], last=True))
                elif job.version > (after or 0):
                    await emit(Change(job.version, 0, "put", shape))
                told = row
            if row.state in ENDED:
                await emit(End(row.state))
                return
            await watch.behind(job.version)
            await job.refresh()


async def follow_output(
    edge: EdgeState, caller: Caller, job_id: JobId, after: int | None, emit: Emit
) -> None:
    """What a job puts out, until it has ended. Of a batch, how many parts have ended, then the merged output."""
    job = await recorded_own_job(edge, caller, job_id)
    is_batch = job.row is not None and job.row.batch is not None
    newest = edge.changes.position if is_batch else edge.services.outputs.position
    if after is not None and after > newest:
        await emit(Gap(0))
        after = None
    resume = Resume(after=after or 0)
    story = BatchStory(edge, job_id, resume) if is_batch else JobStory(edge, job_id, resume)
    async with aclosing(story.moments()) as moments:
        async for moment in moments:
            frame = output_frame(moment)
            if frame is not None:
                await emit(frame)


def output_frame(moment: Moment) -> SubscriptionFrame | None:
    match moment:
        case Text():
            return Output(moment.position, moment.attempt, "token", seq=moment.seq, content=moment.content)
        case Step():
            return Output(moment.position, moment.attempt, "progress", step=moment.step, total=moment.total)
        case Finished():
            return Output(moment.position, moment.attempt, "final", seq=moment.seq)
        case Stood():
            return None
        case Restarted():
            return RestartedFrame(moment.attempt)
        case Ended():
            return End(moment.row.state)
        case _:
            assert_never(moment)


async def follow_facts(
    edge: EdgeState, caller: Caller, category: str | None, after: int | None, emit: Emit
) -> None:
    """Own facts of one category or all; with the scope `admin` everybody's."""
    if category is not None and category not in CATEGORIES:
        raise invalid("category", f"one of {', '.join(sorted(CATEGORIES))}")
    is_known = after is None or await edge.changes.has_seen(after)
    last = edge.changes.position
    oldest = max(0, last - RESUME_COMMITS_MAX)
    if after is not None and not (is_known and oldest <= after):
        await emit(Gap(oldest))
        after = None
    if after is None:
        after = last
        await emit(Snapshot(after, [], last=True))
    account_id = None if Scope.ADMIN in caller.scopes else caller.account_id
    async with aclosing(
        edge.facts.follow(Audience(account_id=account_id, category=category), after)
    ) as frames:
        async for frame in frames:
            await emit(frame)
