"""A job's story as server-sent events, in the two forms that clients read.

Form (a), the default, is one `data:` line for each event and nothing else; its readers take every network read for a
whole event, so each is sent on its own and stays under 8 KiB. Form (b) names its events and gives them ids, so that a
browser resumes by itself with `Last-Event-ID`.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from typing import Any, Final, assert_never

import msgspec

from api.attempt_telling import Ended, Finished, Moment, Restarted, Step, Stood, Text
from api.shapes.job import error_text, usage_shape
from api.shapes.present import present
from domain.job_state import Phase

FRAME_BYTES_MAX: Final = 8_000
PING_S: Final = 15.0  # The Python client gives up after 60 s of silence.
PING: Final = b": ping\n\n"
ENCODER: Final = msgspec.json.Encoder()


async def sdk_form(moments: AsyncGenerator[Moment], *, ping_s: float = PING_S) -> AsyncGenerator[bytes]:
    """Form (a). Ends with `done` or `error`; a text that begins again ends it too, for it cannot be taken back."""
    async with aclosing(with_pings(moments, ping_s)) as told:
        async for moment in told:
            if moment is None:
                yield PING
                continue
            for frame in sdk_frames(moment):
                yield frame
            if isinstance(moment, Restarted):
                return


def sdk_frames(moment: Moment) -> Iterator[bytes]:
    match moment:
        case Text():
            yield from token_frames(moment)
        case Step():
            yield data_frame({"type": "progress", "step": moment.step, "total": moment.total})
        case Stood():
            if moment.state in {Phase.SUBMITTED, Phase.ASSIGNED, Phase.RUNNING}:
                yield data_frame({"type": "status", "message": moment.state})
        case Restarted():
            yield data_frame({"type": "error", "error": "restarted"})
        case Finished():
            pass
        case Ended():
            yield data_frame(end_event(moment))
        case _:
            assert_never(moment)


def end_event(ended: Ended) -> dict[str, Any]:
    row = ended.row
    if row.state is Phase.SUCCEEDED:
        return present({"type": "done", "usage": usage_shape(row)})
    return {"type": "error", "error": error_text(row) or row.state}


def token_frames(text: Text) -> Iterator[bytes]:
    """One frame, or several where the text is long; only the last carries the number, so none resumes half-way."""
    frame = data_frame({"type": "token", "content": text.content, "seq": text.seq})
    if len(frame) <= FRAME_BYTES_MAX:
        yield frame
        return
    pieces = list(split(text.content))
    for piece in pieces[:-1]:
        yield data_frame({"type": "token", "content": piece})
    yield data_frame({"type": "token", "content": pieces[-1], "seq": text.seq})


def split(content: str) -> Iterator[str]:
    """Pieces that fit a frame each, however their characters are escaped."""
    if len(content) <= 1 or len(ENCODER.encode(content)) <= FRAME_BYTES_MAX - 100:
        yield content
        return
    middle = len(content) // 2
    yield from split(content[:middle])
    yield from split(content[middle:])


def data_frame(event: dict[str, Any]) -> bytes:
    return b"data: " + ENCODER.encode(event) + b"\n\n"


async def events_form(moments: AsyncGenerator[Moment], *, ping_s: float = PING_S) -> AsyncGenerator[bytes]:
    """Form (b)."""
    async with aclosing(with_pings(moments, ping_s)) as told:
        async for moment in told:
            if not isinstance(moment, Finished):
                yield PING if moment is None else named_frame(moment)


def named_frame(moment: Text | Step | Stood | Restarted | Ended) -> bytes:
    match moment:
        case Text():
            return event_frame("chunk", {"content": moment.content}, position=moment.position)
        case Step():
            step = {"step": moment.step, "total": moment.total}
            return event_frame("progress", step, position=moment.position)
        case Stood():
            return event_frame("state", {"state": moment.state})
        case Restarted():
            return event_frame("restarted", {"attempt": moment.attempt})
        case Ended() if moment.row.state is Phase.FAILED:
            return event_frame("error", {"error": error_text(moment.row) or moment.row.state})
        case Ended():
            return event_frame("complete", {"state": moment.row.state})
        case _:
            assert_never(moment)


def event_frame(name: str, data: dict[str, Any], *, position: int | None = None) -> bytes:
    head = f"event: {name}\n" if position is None else f"id: {position}\nevent: {name}\n"
    return head.encode() + data_frame(data)


async def with_pings(moments: AsyncGenerator[Moment], ping_s: float) -> AsyncGenerator[Moment | None]:
    """The moments, and None whenever nothing happened for `ping_s`."""
    coming: asyncio.Task[Moment] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(moments))
            done, _ = await asyncio.wait({coming}, timeout=ping_s)
            if not done:
                yield None
                continue
            finished, coming = coming, None
            try:
                moment = finished.result()
            except StopAsyncIteration:
                return
            yield moment
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming
        await moments.aclose()
