"""Following a job by server-sent events: the bytes of both forms, resumption, lost attempts, and every end."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from adapters import clock
from api.attempt_telling import Ended, Moment, Text
from api.sockets import STREAMS_PER_KEY_MAX
from api.sse import FRAME_BYTES_MAX, PING, events_form, sdk_form, token_frames
from domain.ids import IslandId, JobId
from domain.job import JOB
from domain.job_commands import CancelJob
from domain.job_state import Phase
from projections.jobs import new_job
from tests.api.network import Network, Person
from tests.examples import submitted

pytestmark = pytest.mark.asyncio(loop_scope="module")

USAGE = '{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5,"credits_used":1.0}'


async def running_job(network: Network) -> tuple[Person, JobId, IslandId]:
    person, slug = await network.person(), await network.cargo()
    island_id, job_id = await network.island(person.account_id), await network.job(person, slug)
    await network.assign(job_id, island_id)
    await network.start(job_id, island_id)
    return person, job_id, island_id


async def whole_stream(
    network: Network, person: Person, job_id: JobId, query: str = "", **headers: str
) -> str:
    answer = await network.http.get(f"/jobs/{job_id}/stream{query}", headers={**person.headers, **headers})
    assert answer.headers["content-type"].startswith("text/event-stream")
    return answer.text


@asynccontextmanager
async def live_stream(
    network: Network, person: Person, job_id: JobId, query: str = ""
) -> AsyncIterator[AsyncIterator[str]]:
    """The stream's frames as they come."""
    url = f"/jobs/{job_id}/stream{query}"
    async with network.http.stream("GET", url, headers=person.headers) as answer:

        async def frames() -> AsyncIterator[str]:
            lines: list[str] = []
            async for line in answer.aiter_lines():
                if line:
                    lines.append(line)
                else:
                    yield "\n".join(lines)
                    lines = []

        yield frames()


async def test_the_sdk_form_is_these_bytes(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    job_id = await network.run(person, slug, await network.island(person.account_id), "Hello", ' "you"\n')
    assert await whole_stream(network, person, job_id) == (
        'data: {"type":"token","content":"Hello","seq":1}\n\n'
        'data: {"type":"token","content":" \\"you\\"\\n","seq":2}\n\n'
        f'data: {{"type":"done","usage":{USAGE}}}\n\n'
    )


async def test_the_events_form_is_these_bytes(network: Network) -> None:
    person, job_id, island_id = await running_job(network)
    first = await network.say(job_id, island_id, "Hello", seq=1)
    step = await network.progress(job_id, island_id, 1, 2)
    await network.say(job_id, island_id, "", seq=2, last=True)
    await network.succeed(job_id, island_id)
    assert await whole_stream(network, person, job_id, "?format=events") == (
        'event: state\ndata: {"state":"succeeded"}\n\n'
        f'id: {first}\nevent: chunk\ndata: {{"content":"Hello"}}\n\n'
        f'id: {step}\nevent: progress\ndata: {{"step":1,"total":2}}\n\n'
        'event: complete\ndata: {"state":"succeeded"}\n\n'
    )


async def test_chunks_arrive_while_the_job_runs(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    island_id, job_id = await network.island(person.account_id), await network.job(person, slug)
    async with live_stream(network, person, job_id) as frames:
        assert await anext(frames) == 'data: {"type":"status","message":"submitted"}'
        await network.assign(job_id, island_id)
        assert await anext(frames) == 'data: {"type":"status","message":"assigned"}'
        await network.start(job_id, island_id)
        assert await anext(frames) == 'data: {"type":"status","message":"running"}'
        await network.say(job_id, island_id, "one", seq=1)
        assert await anext(frames) == 'data: {"type":"token","content":"one","seq":1}'
        await network.progress(job_id, island_id, 3, 9)
        assert await anext(frames) == 'data: {"type":"progress","step":3,"total":9}'
        await network.say(job_id, island_id, "", seq=2, last=True)
        await network.succeed(job_id, island_id)
        assert await anext(frames) == f'data: {{"type":"done","usage":{USAGE}}}'
        assert [frame async for frame in frames] == []


async def test_a_failed_job_ends_with_its_error(network: Network) -> None:
    person, job_id, island_id = await running_job(network)
    await network.say(job_id, island_id, "half", seq=1)
    await network.fail(job_id, island_id)
    sdk = await whole_stream(network, person, job_id)
    events = await whole_stream(network, person, job_id, "?format=events")
    assert sdk.endswith('"seq":1}\n\ndata: {"type":"error","error":"exit code 3"}\n\n')
    assert events.endswith('event: error\ndata: {"error":"exit code 3"}\n\n')


async def test_a_job_cancelled_while_it_runs_ends_its_streams(network: Network) -> None:
    person, job_id, _ = await running_job(network)
    async with live_stream(network, person, job_id) as frames:
        await anext(frames)
        cancelled = CancelJob(
            job_id=job_id, account_id=person.account_id, has_output=False, now_ms=clock.now_ms()
        )
        await network.command(JOB, job_id, cancelled)
        assert await anext(frames) == 'data: {"type":"error","error":"cancelled"}'
    events = await whole_stream(network, person, job_id, "?format=events")
    assert events.endswith('event: complete\ndata: {"state":"cancelled"}\n\n')


async def test_a_stream_resumes_behind_a_chunk(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    job_id = await network.run(person, slug, await network.island(person.account_id), "a", "b", "c")
    rest = await whole_stream(network, person, job_id, "?after_seq=2")
    assert rest.startswith('data: {"type":"token","content":"c","seq":3}\n\ndata: {"type":"done"')


async def test_a_browser_resumes_with_the_last_event_id(network: Network) -> None:
    person, job_id, island_id = await running_job(network)
    first = await network.say(job_id, island_id, "a", seq=1)
    second = await network.say(job_id, island_id, "b", seq=2)
    await network.say(job_id, island_id, "", seq=3, last=True)
    await network.succeed(job_id, island_id)
    rest = await whole_stream(network, person, job_id, "?format=events", **{"Last-Event-ID": str(first)})
    assert rest == (
        'event: state\ndata: {"state":"succeeded"}\n\n'
        f'id: {second}\nevent: chunk\ndata: {{"content":"b"}}\n\n'
        'event: complete\ndata: {"state":"succeeded"}\n\n'
    )


async def next_attempt(network: Network, job_id: JobId, person: Person) -> IslandId:
    """Loses the first attempt and starts a second on another island."""
    await network.lose(job_id)
    island_id = await network.island(person.account_id)
    await network.assign(job_id, island_id, attempt=2)
    await network.start(job_id, island_id, attempt=2)
    return island_id


async def up_to_chunk(frames: AsyncIterator[str]) -> AsyncIterator[str]:
    """Every frame of the events form up to the next chunk."""
    async for frame in frames:
        yield frame
        if "event: chunk" in frame:
            return


async def behind_status(frames: AsyncIterator[str]) -> str:
    """The next frame that is not a state of the job."""
    async for frame in frames:
        if '"type":"status"' not in frame:
            return frame
    raise AssertionError("the stream ended")


async def test_a_second_attempt_that_says_the_same_continues_the_stream(network: Network) -> None:
    person, job_id, island_id = await running_job(network)
    async with live_stream(network, person, job_id) as frames:
        await anext(frames)
        await network.say(job_id, island_id, "Hello", seq=1)
        assert await anext(frames) == 'data: {"type":"token","content":"Hello","seq":1}'
        other = await next_attempt(network, job_id, person)
        await network.say(job_id, other, "Hello world", seq=1, attempt=2)
        # How many states are told in between depends on how fast they came.
        assert await behind_status(frames) == 'data: {"type":"token","content":" world","seq":1}'
        await network.say(job_id, other, "", seq=2, attempt=2, last=True)
        await network.succeed(job_id, other, attempt=2)
        assert await anext(frames) == f'data: {{"type":"done","usage":{USAGE}}}'


async def test_a_second_attempt_that_differs_ends_the_sdk_form(network: Network) -> None:
    person, job_id, island_id = await running_job(network)
    async with live_stream(network, person, job_id) as frames:
        await anext(frames)
        await network.say(job_id, island_id, "Hello", seq=1)
        await anext(frames)
        other = await next_attempt(network, job_id, person)
        await network.say(job_id, other, "Help", seq=1, attempt=2)
        assert [frame async for frame in frames][-1] == 'data: {"type":"error","error":"restarted"}'


async def test_a_second_attempt_that_differs_begins_again_in_the_events_form(network: Network) -> None:
    person, job_id, island_id = await running_job(network)
    async with live_stream(network, person, job_id, "?format=events") as frames:
        await anext(frames)
        await network.say(job_id, island_id, "Hello", seq=1)
        await anext(frames)
        other = await next_attempt(network, job_id, person)
        position = await network.say(job_id, other, "Help", seq=1, attempt=2)
        # How many states are told in between depends on how fast they came.
        told = [frame async for frame in up_to_chunk(frames)]
        assert told[-2:] == [
            'event: restarted\ndata: {"attempt":2}',
            f'id: {position}\nevent: chunk\ndata: {{"content":"Help"}}',
        ]


async def test_the_late_chunk_of_a_lost_attempt_is_not_told(network: Network) -> None:
    person, job_id, island_id = await running_job(network)
    other = await next_attempt(network, job_id, person)
    await network.say(job_id, island_id, "late", seq=1)
    await network.say(job_id, other, "right", seq=1, attempt=2)
    await network.say(job_id, other, "", seq=2, attempt=2, last=True)
    await network.succeed(job_id, other, attempt=2)
    stream = await whole_stream(network, person, job_id)
    assert stream.startswith('data: {"type":"token","content":"right","seq":1}\n\ndata: {"type":"done"')


async def test_one_key_may_hold_a_bounded_number_of_streams(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    job_id = await network.job(person, slug)
    streams = [live_stream(network, person, job_id) for _ in range(STREAMS_PER_KEY_MAX)]
    frames = await asyncio.gather(*(stream.__aenter__() for stream in streams))
    await asyncio.gather(*(anext(one) for one in frames))
    refused = await network.http.get(f"/jobs/{job_id}/stream", headers=person.headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    await network.http.delete(f"/jobs/{job_id}", headers=person.headers)
    for stream, one in zip(streams, frames, strict=True):
        assert [frame async for frame in one]
        await stream.__aexit__(None, None, None)
    assert await whole_stream(network, person, job_id)


async def test_silence_is_filled_with_comments() -> None:
    go_on = asyncio.Event()
    row = replace(new_job(submitted(), 1), state=Phase.CANCELLED)

    async def moments() -> AsyncGenerator[Moment]:
        await go_on.wait()
        yield Ended(row=row)

    stream = sdk_form(moments(), ping_s=0.001)
    assert [await anext(stream), await anext(stream)] == [PING, PING]
    go_on.set()
    rest = [frame async for frame in stream if frame != PING]
    assert rest == [b'data: {"type":"error","error":"cancelled"}\n\n']


async def test_a_stream_that_is_left_ends_the_story_behind_it() -> None:
    was_ended = asyncio.Event()

    async def moments() -> AsyncGenerator[Moment]:
        try:
            await asyncio.Event().wait()
            yield Ended(row=new_job(submitted(), 1))
        finally:
            was_ended.set()

    stream = events_form(moments(), ping_s=0.001)
    assert await anext(stream) == PING
    await stream.aclose()
    assert was_ended.is_set()


@pytest.mark.parametrize("content", ["x" * 30_000, "\x01" * 9_000, "€" * 9_000, '"\\' * 9_000])
async def test_a_long_chunk_is_split_into_frames_below_8_kib(content: str) -> None:
    frames = list(token_frames(Text(position=1, attempt=1, seq=7, content=content)))
    assert all(len(frame) <= FRAME_BYTES_MAX for frame in frames)
    events = [json.loads(frame.removeprefix(b"data: ")) for frame in frames]
    assert "".join(event["content"] for event in events) == content
    assert [event.get("seq") for event in events] == [*([None] * (len(events) - 1)), 7]


async def test_a_short_chunk_is_one_frame() -> None:
    assert len(list(token_frames(Text(position=1, attempt=1, seq=1, content="x" * 7_000)))) == 1
