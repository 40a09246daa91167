"""What a job puts out: the text so far, and the stream of it as server-sent events."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from api.answers import answer
from api.attempt_telling import Resume
from api.authorization import JobReader
from api.batch_story import BatchStory
from api.edge import JOBS, Edge
from api.errors import ApiError, ErrorCode
from api.event_stream import EventStream
from api.job_story import JobStory
from api.job_text import text_so_far
from api.owned import owned_job
from api.request_fields import POSITION_MAX, After, PathJobId
from api.schemas.job import TextSoFar
from api.schemas.media import EVENT_STREAM, media
from api.shapes.job import ENDED, status_word
from api.sse import data_frame, event_frame, events_form, sdk_form

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get("/{job_id}/output", response_model=TextSoFar)
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


@router.get("/{job_id}/stream", response_model=None, response_class=Response, responses=media(EVENT_STREAM))
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
        return EventStream(edge.sockets, caller, frames, event_frame("error", {"error": "unavailable"}))
    frames = sdk_form(story.moments())
    return EventStream(edge.sockets, caller, frames, data_frame({"type": "error", "error": "unavailable"}))


def position_in(last_event_id: str | None) -> int:
    """The position a browser resumes behind; anything else is ignored, as browsers expect."""
    text = last_event_id or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
