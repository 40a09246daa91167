"""WebSocket topics told straight from the log and the output stream: one job, its output, and the facts themselves.

Called by `api.subscriptions`. They are ahead of every projection.
"""

from contextlib import aclosing
from typing import Any, Final, assert_never

from api.attempt_telling import Ended, Finished, Moment, Restarted, Resume, Step, Stood, Text
from api.changes import of_job
from api.edge import EdgeState
from api.errors import invalid, not_found
from api.job_story import JobStory
from api.key_ring import Caller
from api.recorded_job import RecordedJob
from api.row_topics import Emit
from api.shapes.fact import fact_shape
from api.shapes.job import ENDED, job_shape
from api.shapes.present import instant
from commands.event_log import Commit
from domain.api_key import Scope
from domain.ids import JobId

CATEGORIES: Final = frozenset(
    {"account", "api_key", "batch", "cargo", "exchange", "island", "job", "publisher"}
)
RESUME_COMMITS_MAX: Final = 100_000  # Facts of the whole network that one resumption may search through.


async def recorded_own_job(edge: EdgeState, caller: Caller, job_id: JobId) -> RecordedJob:
    """Raises `ApiError` (not_found)."""
    job = await RecordedJob.load(edge.services.log, job_id)
    if job.row is None or job.row.account_id != caller.account_id:
        raise not_found(f"job {job_id}")
    return job


async def follow_job(edge: EdgeState, caller: Caller, job_id: JobId, after: int | None, emit: Emit) -> None:
    """One job, until it has ended."""
    with edge.changes.watch(of_job(job_id)) as watch:
        job = await recorded_own_job(edge, caller, job_id)
        told = None
        if after is not None and not await edge.changes.has_seen(after):
            await emit({"type": "gap", "oldest": 0})
            after = None
        while True:
            row = job.row
            assert row is not None
            if row is not told:
                shape = job_shape(row, cargo_number=await edge.cargo_numbers.of(row.cargo_slug))
                if told is None and after is None:
                    await emit({"type": "snapshot", "position": job.version, "rows": [shape], "last": True})
                elif job.version > (after or 0):
                    change = {
                        "type": "change",
                        "position": job.version,
                        "index": 0,
                        "op": "put",
                        "row": shape,
                    }
                    await emit(change)
                told = row
            if row.state in ENDED:
                await emit({"type": "end", "state": row.state})
                return
            await watch.behind(job.version)
            await job.refresh()


async def follow_output(
    edge: EdgeState, caller: Caller, job_id: JobId, after: int | None, emit: Emit
) -> None:
    """What a job puts out, until it has ended."""
    await recorded_own_job(edge, caller, job_id)
    if after is not None and after > edge.services.outputs.position:
        await emit({"type": "gap", "oldest": 0})
        after = None
    story = JobStory(edge, job_id, Resume(after=after or 0))
    async with aclosing(story.moments()) as moments:
        async for moment in moments:
            frame = output_frame(moment)
            if frame is not None:
                await emit(frame)


def output_frame(moment: Moment) -> dict[str, Any] | None:
    match moment:
        case Text():
            return output(moment, "token", seq=moment.seq, content=moment.content)
        case Step():
            return output(moment, "progress", step=moment.step, total=moment.total)
        case Finished():
            return output(moment, "final", seq=moment.seq)
        case Stood():
            return None
        case Restarted():
            return {"type": "restarted", "attempt": moment.attempt}
        case Ended():
            return {"type": "end", "state": moment.row.state}
        case _:
            assert_never(moment)


def output(moment: Text | Step | Finished, kind: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "output",
        "position": moment.position,
        "attempt": moment.attempt,
        "kind": kind,
        **fields,
    }


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
        await emit({"type": "gap", "oldest": oldest})
        after = None
    if after is None:
        after = last
        await emit({"type": "snapshot", "position": after, "rows": [], "last": True})
    async for commits in edge.services.tail.follow(after):
        for commit in commits:
            if category in (None, commit.stream.partition(".")[0]) and await may_see(edge, caller, commit):
                await send_facts(commit, emit)


async def may_see(edge: EdgeState, caller: Caller, commit: Commit) -> bool:
    return Scope.ADMIN in caller.scopes or await edge.fact_owners.of(commit) == caller.account_id


async def send_facts(commit: Commit, emit: Emit) -> None:
    for index, event in enumerate(commit.events):
        row = {
            "stream": commit.stream,
            "recorded_at": instant(commit.recorded_at_ms),
            "actor": commit.origin.actor or "",
            **fact_shape(event),
        }
        await emit({"type": "change", "position": commit.position, "index": index, "op": "put", "row": row})
