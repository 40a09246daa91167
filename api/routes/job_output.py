"""What a job puts out: the text so far, and the stream of it as server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from nats.errors import Error as NatsError
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from adapters.nats.replies import Unanswered
from api.answers import answer
from api.attempt_telling import Resume
from api.authorization import JobReader
from api.batch_story import BatchStory
from api.edge import JOBS, Edge
from api.errors import ApiError, ErrorCode
from api.job_story import JobStory
from api.job_text import text_so_far
from api.key_ring import Caller
from api.owned import owned_job
from api.request_fields import POSITION_MAX, After, PathJobId
from api.shapes.job import ENDED, status_word
from api.sockets import Sockets
from api.sse import data_frame, event_frame, events_form, sdk_form
from commands.event_log import LogUnavailable

router = APIRouter(prefix="/jobs", tags=["jobs"])

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get("/{job_id}/output")
async def get_output(job_id: PathJobId, caller: JobReader, edge: Edge, after: After = None) -> Response:
    """Read the text so far."""
    await edge.catch_up(JOBS, after)
    row = await owned_job(edge, caller, job_id)
    text = await text_so_far(edge, row)
    if text is None:
        raise ApiError(ErrorCode.NOT_FOUND, "output: it was kept for 7 days and is gone")
    shape: dict[str, Any] = {"state": row.state, "completed": row.state in ENDED, "output": text}
    data = {"job_id": row.job_id, "status": status_word(row), "output": text}
    return answer({"job_id": row.job_id, **shape, "data": data})


@router.get("/{job_id}/stream")
async def stream_job(
    *,
    job_id: PathJobId,
    caller: JobReader,
    edge: Edge,
    form: Annotated[
        Literal["sdk", "events"],
        Query(alias="format", description="`events` names its events and resumes by itself."),
    ] = "sdk",
    after_seq: Annotated[int, Query(ge=0, le=POSITION_MAX, description="Begin behind this chunk.")] = 0,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
    after: After = None,
) -> Response:
    """Follow a job from its first chunk to its end."""
    await edge.catch_up(JOBS, after)
    row = await owned_job(edge, caller, job_id)
    resume = Resume(after=position_in(last_event_id), after_seq=after_seq)
    story = JobStory(edge, job_id, resume) if row.batch is None else BatchStory(edge, job_id, resume)
    if form == "events":
        frames = events_form(story.moments())
        return JobStream(edge.sockets, caller, frames, event_frame("error", {"error": "unavailable"}))
    frames = sdk_form(story.moments())
    return JobStream(edge.sockets, caller, frames, data_frame({"type": "error", "error": "unavailable"}))


class JobStream(StreamingResponse):
    """Server-sent events, counted among the key's streams for as long as they last.

    Where the fabric fails on the way the reader is told `last_word` and may resume.
    """

    def __init__(
        self, sockets: Sockets, caller: Caller, frames: AsyncGenerator[bytes], last_word: bytes
    ) -> None:
        told = told_to_the_end(frames, last_word)
        super().__init__(told, media_type="text/event-stream", headers=HEADERS)
        self._sockets = sockets
        self._caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._sockets.stream(self._caller.key_id):
            await super().__call__(scope, receive, send)


def position_in(last_event_id: str | None) -> int:
    """The position a browser resumes behind; anything else is ignored, as browsers expect."""
    text = last_event_id or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


async def told_to_the_end(frames: AsyncGenerator[bytes], last_word: bytes) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(frames):
            async for frame in frames:
                yield frame
    except (LogUnavailable, Unanswered, NatsError, TimeoutError):
        yield last_word
