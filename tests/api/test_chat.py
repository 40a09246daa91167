"""Chat completions, embeddings and images as jobs: what is answered, streamed, refused, cancelled and repeated."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from domain.ids import CargoSlug, IslandId, JobId
from domain.job_state import Phase
from tests.api.network import Network, Person, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO = [{"role": "user", "content": "Hello"}]


@asynccontextmanager
async def openai(network: Network, person: Person, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `/v1`; with `settings` of another HTTP face, which tells nobody when a client leaves."""
    transport = httpx.ASGITransport(network.app_with(**settings)) if settings else None
    async with httpx.AsyncClient(
        base_url=f"http://{network.address}/v1", headers=person.headers, transport=transport, timeout=20
    ) as client:
        yield client


async def asked(network: Network, person: Person, path: str, body: dict[str, Any]) -> httpx.Response:
    async with openai(network, person) as client:
        return await client.post(path, json=body)


async def job_of(network: Network, person: Person) -> JobId:
    """The job that the person's call became."""
    found: list[str] = []

    async def is_there() -> bool:
        answer = await network.http.get("/jobs", headers=person.headers)
        found[:] = [job["id"] for job in answer.json()["jobs"]]
        return bool(found)

    await eventually(is_there)
    return JobId(found[0])


async def taken(network: Network, person: Person) -> tuple[JobId, IslandId]:
    """The job of the person's call, running on an island."""
    job_id, island_id = await job_of(network, person), await network.island(person.account_id)
    await network.assign(job_id, island_id)
    await network.start(job_id, island_id)
    return job_id, island_id


async def played(network: Network, person: Person, *texts: str) -> JobId:
    """An island that answers the person's call with `texts`."""
    job_id, island_id = await taken(network, person)
    for seq, text in enumerate(texts, start=1):
        await network.say(job_id, island_id, text, seq=seq)
    await network.say(job_id, island_id, "", seq=len(texts) + 1, last=True)
    await network.succeed(job_id, island_id)
    return job_id


async def answered(
    network: Network, path: str, body: dict[str, Any], *texts: str
) -> tuple[httpx.Response, JobId, CargoSlug]:
    """The answer to a call of a model that puts out `texts`."""
    person, slug = await network.person(), await network.cargo()
    call = asyncio.create_task(asked(network, person, path, {"model": slug, **body}))
    job_id = await played(network, person, *texts)
    return await call, job_id, slug


async def state_of(network: Network, job_id: JobId) -> Phase:
    row = await network.services.reads.job(job_id)
    assert row is not None
    return row.state


async def becomes(network: Network, job_id: JobId, state: Phase) -> None:
    async def is_so() -> bool:
        return await state_of(network, job_id) is state

    await eventually(is_so)


def events(text: str) -> list[dict[str, Any]]:
    """The chunks of a stream that ended well."""
    *chunks, done, rest = text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(chunk.removeprefix("data: ")) for chunk in chunks]


async def test_a_completion_is_the_text_of_its_job(network: Network) -> None:
    answer, job_id, slug = await answered(network, "/chat/completions", {"messages": HELLO}, "Hi", " there")
    created = answer.json()["created"]
    assert answer.json() == {
        "id": f"chatcmpl-{job_id}",
        "object": "chat.completion",
        "created": created,
        "model": slug,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi there"},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5},
        "job_id": job_id,
    }
    assert "X-RateLimit-Remaining" in answer.headers


async def test_the_cargo_reads_the_conversation(network: Network) -> None:
    _, job_id, _ = await answered(network, "/chat/completions", {"messages": HELLO, "max_tokens": 9}, "Hi")
    row = await network.services.reads.job(job_id)
    assert row is not None
    assert json.loads(row.input_json) == {
        "prompt": "Hello",
        "messages": HELLO,
        "max_tokens": 9,
        "temperature": 0.7,
    }


async def test_an_answer_as_long_as_it_may_be_ends_by_its_length(network: Network) -> None:
    answer, _, _ = await answered(network, "/chat/completions", {"messages": HELLO, "max_tokens": 3}, "a")
    assert answer.json()["choices"][0]["finish_reason"] == "length"


async def test_an_answer_ends_before_a_stop_word(network: Network) -> None:
    body = {"messages": HELLO, "stop": "END", "max_tokens": 3}
    answer, _, _ = await answered(network, "/chat/completions", body, "one E", "ND two")
    choice = answer.json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("one ", "stop")


async def test_a_stream_tells_the_text_as_it_comes(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    body = {"model": slug, "messages": HELLO, "stream": True}
    async with openai(network, person) as client:
        asking = asyncio.create_task(
            client.send(client.build_request("POST", "/chat/completions", json=body), stream=True)
        )
        job_id, island_id = await taken(network, person)
        answer = await asking
        lines = answer.aiter_lines()
        await network.say(job_id, island_id, "Hi", seq=1)
        first = [json.loads((await next_event(lines))[6:]) for _ in range(2)]
        await network.say(job_id, island_id, " there", seq=2)
        second = json.loads((await next_event(lines))[6:])
        await network.say(job_id, island_id, "", seq=3, last=True)
        await network.succeed(job_id, island_id)
        last = json.loads((await next_event(lines))[6:])
        done = await next_event(lines)
        await answer.aclose()
    assert answer.headers["content-type"].startswith("text/event-stream")
    deltas = [chunk["choices"][0]["delta"] for chunk in (*first, second, last)]
    assert deltas == [{"role": "assistant", "content": ""}, {"content": "Hi"}, {"content": " there"}, {}]
    assert first[0]["choices"][0]["finish_reason"] is None
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["usage"] == {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
    assert {(chunk["id"], chunk["object"]) for chunk in (*first, second, last)} == {
        (f"chatcmpl-{job_id}", "chat.completion.chunk")
    }
    assert done == "data: [DONE]"


async def next_event(lines: AsyncIterator[str]) -> str:
    async with asyncio.timeout(10):
        async for line in lines:
            if line:
                return line
    raise AssertionError("the stream ended")


async def test_the_usage_of_a_stream_comes_apart_for_who_asks(network: Network) -> None:
    body = {"messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}
    answer, _, _ = await answered(network, "/chat/completions", body, "Hi")
    *chunks, last, usage = events(answer.text)
    assert last["choices"][0]["finish_reason"] == "stop"
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 5)
    assert not any("usage" in chunk for chunk in (*chunks, last))


async def test_a_stream_ends_before_a_stop_word_that_comes_in_pieces(network: Network) -> None:
    body = {"messages": HELLO, "stream": True, "stop": ["END"]}
    answer, _, _ = await answered(network, "/chat/completions", body, "one E", "ND two")
    texts = [chunk["choices"][0]["delta"].get("content", "") for chunk in events(answer.text)]
    assert "".join(texts) == "one "


async def test_long_tokens_are_split_into_frames_below_8_kib(network: Network) -> None:
    body = {"messages": HELLO, "stream": True}
    answer, _, _ = await answered(network, "/chat/completions", body, "ü" * 20_000)
    texts = [chunk["choices"][0]["delta"].get("content", "") for chunk in events(answer.text)]
    assert "".join(texts) == "ü" * 20_000
    assert max(len(frame.encode()) for frame in answer.text.split("\n\n")) < 8 * 1024


async def test_a_stream_of_a_job_that_fails_ends_with_its_error(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    body = {"model": slug, "messages": HELLO, "stream": True}
    call = asyncio.create_task(asked(network, person, "/chat/completions", body))
    job_id, island_id = await taken(network, person)
    await network.fail(job_id, island_id)
    *_, last, rest = (await call).text.split("\n\n")
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "job_failed"
    assert "exit code 3" in last
    assert rest == ""


async def test_a_text_that_begins_again_ends_the_stream_and_the_job_goes_on(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    body = {"model": slug, "messages": HELLO, "stream": True}
    async with openai(network, person) as client:
        request = client.build_request("POST", "/chat/completions", json=body)
        asking = asyncio.create_task(client.send(request, stream=True))
        job_id, island_id = await taken(network, person)
        answer = await asking
        lines = answer.aiter_lines()
        await network.say(job_id, island_id, "Hello", seq=1)
        assert '"content":"Hello"' in [await next_event(lines) for _ in range(2)][1]
        await network.lose(job_id)
        other = await network.island(person.account_id)
        await network.assign(job_id, other, attempt=2)
        await network.start(job_id, other, attempt=2)
        await network.say(job_id, other, "Help", seq=1, attempt=2)
        assert "restarted: the answer begins again" in await next_event(lines)
        await answer.aclose()
    assert await state_of(network, job_id) is Phase.RUNNING


async def test_a_job_that_fails_is_an_error_nobody_repeats(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    call = asyncio.create_task(
        asked(network, person, "/chat/completions", {"model": slug, "messages": HELLO})
    )
    job_id, island_id = await taken(network, person)
    await network.fail(job_id, island_id)
    answer = await call
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "job_failed")
    assert answer.json()["error"]["message"].endswith("failed: exit code 3")
    assert (answer.json()["job_id"], answer.headers["X-Should-Retry"]) == (job_id, "false")


@pytest.mark.parametrize("is_stream", [False, True])
async def test_without_an_island_the_job_is_cancelled_and_nothing_charged(
    network: Network, is_stream: bool
) -> None:
    person, slug = await network.person(), await network.cargo()
    body = {"model": slug, "messages": HELLO, "stream": is_stream}
    async with openai(network, person, model_wait_s=0.05) as client:
        answer = await client.post("/chat/completions", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_hosts")
    assert (answer.headers["Retry-After"], answer.headers["X-Should-Retry"]) == ("60", "false")
    job_id = JobId(answer.json()["job_id"])
    await becomes(network, job_id, Phase.CANCELLED)
    row = await network.services.reads.job(job_id)
    assert row is not None
    assert not row.charged_micro


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_client_that_leaves_cancels_its_job(network: Network, is_stream: bool) -> None:
    person, slug = await network.person(), await network.cargo()
    body = {"model": slug, "messages": HELLO, "stream": is_stream}
    call = asyncio.create_task(asked(network, person, "/chat/completions", body))
    job_id = await job_of(network, person)
    call.cancel()
    await becomes(network, job_id, Phase.CANCELLED)


async def test_a_client_that_leaves_in_the_middle_of_a_stream_cancels_its_job(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    body = {"model": slug, "messages": HELLO, "stream": True}
    async with openai(network, person) as client:
        asking = asyncio.create_task(
            client.send(client.build_request("POST", "/chat/completions", json=body), stream=True)
        )
        job_id, island_id = await taken(network, person)
        answer = await asking
        await network.say(job_id, island_id, "Hi", seq=1)
        await next_event(answer.aiter_lines())
        await answer.aclose()
    await becomes(network, job_id, Phase.CANCELLED)


async def test_a_call_with_an_idempotency_key_outlives_its_client_and_is_answered_alike(
    network: Network,
) -> None:
    person, slug = await network.person(), await network.cargo()
    body = {"model": slug, "messages": HELLO}
    headers = {"Idempotency-Key": "once"}
    async with openai(network, person) as client:
        call = asyncio.create_task(client.post("/chat/completions", json=body, headers=headers))
        await job_of(network, person)
        call.cancel()
        job_id = await played(network, person, "Hi")
        again = [await client.post("/chat/completions", json=body, headers=headers) for _ in range(2)]
        other = await client.post("/chat/completions", json={**body, "max_tokens": 1}, headers=headers)
        streamed = await client.post("/chat/completions", json={**body, "stream": True}, headers=headers)
    assert [answer.json()["job_id"] for answer in again] == [job_id, job_id]
    assert again[0].content == again[1].content
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in events(streamed.text)) == "Hi"
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({}, "messages"),
        ({"messages": HELLO, "max_tokens": 5000}, "max_tokens"),
        ({"messages": HELLO, "n": 2}, "n"),
    ],
)
async def test_a_wrong_field_is_a_bad_request(network: Network, body: dict[str, Any], param: str) -> None:
    person, _ = await network.somebody()
    answer = await asked(network, person, "/chat/completions", body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid", param)
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize("path", ["/chat/completions", "/embeddings", "/images/generations"])
@pytest.mark.parametrize("model", ["nothing-such", "No Slug", "default"])
async def test_an_unknown_model_is_not_found(network: Network, path: str, model: str) -> None:
    person, _ = await network.somebody()
    body = {"model": model, "messages": HELLO, "input": "x", "prompt": "x"}
    answer = await asked(network, person, path, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")


async def test_credits_that_do_not_suffice_are_said_so(network: Network) -> None:
    person, slug = await network.person(funds=0), await network.cargo()
    answer = await asked(network, person, "/chat/completions", {"model": slug, "messages": HELLO})
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "insufficient_credits")


async def test_one_vector_comes_back_for_each_text(network: Network) -> None:
    output = '{"index":1,"embedding":[3.0]}', '{"index":0,"embedding":[1.5]}'
    answer, job_id, slug = await answered(network, "/embeddings", {"input": ["a", "b"]}, *output)
    assert answer.json() == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [1.5]},
            {"object": "embedding", "index": 1, "embedding": [3.0]},
        ],
        "model": slug,
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
        "job_id": job_id,
    }


@pytest.mark.parametrize(
    ("path", "body", "output"),
    [
        ("/embeddings", {"input": "a"}, "hello"),
        ("/embeddings", {"input": ["a", "b"]}, '{"embedding":[1]}'),
        ("/images/generations", {"prompt": "a"}, "hello"),
    ],
)
async def test_a_cargo_of_another_kind_is_said_to_be_one(
    network: Network, path: str, body: dict[str, Any], output: str
) -> None:
    answer, _, slug = await answered(network, path, body, output)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "job_failed")
    assert answer.json()["message"].startswith(f"model: {slug} put out no ")


async def test_an_image_comes_in_the_answer(network: Network) -> None:
    output = '{"image_data":"aGk=","format":"png","width":1,"height":1}'
    answer, job_id, _ = await answered(network, "/images/generations", {"prompt": "sea"}, output)
    assert (answer.json()["data"], answer.json()["job_id"]) == ([{"b64_json": "aGk="}], job_id)


async def test_models_are_the_cargos_that_can_be_called(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    async with openai(network, person) as client:
        listed = (await client.get("/models")).json()
        one = (await client.get(f"/models/{slug}")).json()
        none = await client.get("/models/nothing-such")
    assert listed["object"] == "list"
    assert one in listed["data"]
    assert {name: one[name] for name in ("id", "object", "owned_by")} == {
        "id": slug,
        "object": "model",
        "owned_by": "archipelag",
    }
    assert (none.status_code, none.json()["error"]["code"]) == (404, "model_not_found")


async def test_a_name_of_others_means_the_configured_cargo(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    async with openai(network, person, chat_cargo=slug) as client:
        found = (await client.get("/models/gpt-3.5-turbo")).json()
    assert found["id"] == slug
