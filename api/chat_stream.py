"""A chat completion as server-sent events, from the job's story: the third form of a job's stream.

Every frame is a chunk of OpenAI's form and stays under 8 KiB; `[DONE]` ends a stream that went well. What goes wrong
behind the first frame is told as an error in OpenAI's form, and their client raises it.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from contextlib import aclosing
from typing import Any, Final, assert_never

from starlette.responses import Content
from starlette.types import Receive, Scope, Send

from api.attempt_telling import Ended, Finished, Moment, Restarted, Step, Stood, Text
from api.chat_request import ChatRequest
from api.errors import ErrorCode
from api.event_stream import EventStream
from api.key_ring import Caller
from api.model_call import ModelCall, problem_of
from api.shapes.chat import finish_reason, last_chunk, text_chunk, usage_chunk, usage_of
from api.sse import PING, PING_S, data_frame, split, with_pings
from api.stop_words import StopCutter

DONE: Final = b"data: [DONE]\n\n"


class ChatStream(EventStream):
    """Leaves the call when its client goes before the end."""

    def __init__(self, call: ModelCall, caller: Caller, request: ChatRequest) -> None:
        frames = chat_frames(call, request)
        super().__init__(call.edge.sockets, caller, frames, error_frame(ErrorCode.UNAVAILABLE, "unavailable"))
        self.body_iterator = self._to_the_end(self.body_iterator)
        self._call = call
        self._is_told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if not self._is_told:
                await self._call.leave()

    async def _to_the_end(self, frames: AsyncIterable[Content]) -> AsyncGenerator[Content]:
        async for frame in frames:
            yield frame
        self._is_told = True


async def chat_frames(
    call: ModelCall, request: ChatRequest, *, ping_s: float = PING_S
) -> AsyncGenerator[bytes]:
    telling = ChatTelling(call, request)
    yield data_frame(text_chunk(call.row, "", role="assistant"))
    async with aclosing(with_pings(call.moments(), ping_s)) as told:
        async for moment in told:
            if moment is None:
                yield PING
                continue
            for frame in telling.frames(moment):
                yield frame
            if isinstance(moment, Restarted):
                return


class ChatTelling:
    """Which frames a moment of the story becomes."""

    def __init__(self, call: ModelCall, request: ChatRequest) -> None:
        self._row = call.row
        self._request = request
        self._cutter = StopCutter(request.stop or ())

    def frames(self, moment: Moment) -> Iterator[bytes]:
        match moment:
            case Text():
                yield from self._text(self._cutter.feed(moment.content))
            case Restarted():
                message = f"restarted: the answer begins again; read GET /api/v1/jobs/{self._row.job_id}"
                yield error_frame(ErrorCode.JOB_FAILED, message)
            case Ended():
                yield from self._end(moment)
            case Step() | Stood() | Finished():
                pass
            case _:
                assert_never(moment)

    def _text(self, text: str) -> Iterator[bytes]:
        if text:
            for piece in split(text):
                yield data_frame(text_chunk(self._row, piece))

    def _end(self, ended: Ended) -> Iterator[bytes]:
        if problem := problem_of(ended.row):
            yield error_frame(problem.code, problem.message)
            return
        yield from self._text(self._cutter.rest())
        reason = finish_reason(ended.row, is_cut=self._cutter.is_cut, tokens_max=self._request.tokens_max)
        usage = usage_of(ended.row)
        if self._request.has_usage_apart:
            yield data_frame(last_chunk(ended.row, reason, None))
            yield data_frame(usage_chunk(ended.row, usage))
        else:
            yield data_frame(last_chunk(ended.row, reason, usage))
        yield DONE


def error_frame(code: ErrorCode, message: str) -> bytes:
    error: dict[str, Any] = {"code": code, "type": "api_error", "message": message}
    return data_frame({"error": error})
