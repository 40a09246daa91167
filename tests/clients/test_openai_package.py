"""OpenAI's own package, unchanged, against a coordinator and an island that are real programs."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import httpx
import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI, OpenAI

from adapters.embedded.data_directory import DataDirectory
from tests.clients import reciting_cargo
from tests.faults.network import Network, answered, eventually
from tests.servers import seeded

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKENS = ("Sea", " and", " islands", ", ", "naïve ☀")
ANSWER = "".join(TOKENS)
VECTOR = [0.25, -1.5, 3.0]
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n and so on").decode()
HELLO: list[Any] = [{"role": "user", "content": "What is an archipelago?"}]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(initialised_directory: DataDirectory) -> AsyncIterator[Network]:
    """One island, and cargos that answer as models do. The settings name them as OpenAI's own models."""
    with seeded(initialised_directory) as directory:
        network = Network(directory)
        try:
            await network.start()
            await network.add_coordinator(
                ARCHIPELAGO_CHAT_CARGO="chat",
                ARCHIPELAGO_EMBEDDING_CARGO="vectors",
                ARCHIPELAGO_IMAGE_CARGO="pictures",
                ARCHIPELAGO_MODEL_WAIT_S="20",
            )
            await network.add_island("reciter")
            await publish_models(network)
            yield network
        finally:
            await network.close()


async def publish_models(network: Network) -> None:
    cargos = {
        "chat": TOKENS,
        "vectors": (json.dumps({"embedding": VECTOR}),),
        "pictures": (json.dumps({"image_data": PIXEL, "format": "png", "width": 1, "height": 1}),),
    }
    for slug, tokens in cargos.items():
        await reciting_cargo.publish(network.http, slug, *tokens, prompt_tokens=6, completion_tokens=5)
        await eventually(partial(answered, network.http, f"/workloads/{slug}"))


def base_url(network: Network, path: str = "/v1") -> str:
    return str(network.http.base_url).removesuffix("/api/v1/") + path


@pytest_asyncio.fixture(params=("/v1", "/api/v1"), loop_scope="module")
async def client(network: Network, request: pytest.FixtureRequest) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=base_url(network, request.param), api_key=network.key) as client:
        yield client


@pytest.fixture
def sync_client(network: Network) -> Iterator[OpenAI]:
    with OpenAI(base_url=base_url(network), api_key=network.key) as client:
        yield client


async def test_a_completion_comes_back_whole(client: AsyncOpenAI) -> None:
    completion = await client.chat.completions.create(model="gpt-3.5-turbo", messages=HELLO)
    (choice,) = completion.choices
    assert (choice.message.role, choice.message.content) == ("assistant", ANSWER)
    assert choice.finish_reason == "stop"
    assert completion.model == "chat"
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.total_tokens) == (6, 11)


async def test_a_stream_brings_the_same_text_and_its_usage_at_the_end(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="chat", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    said = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(said) == ANSWER
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 5
    assert len({chunk.id for chunk in chunks}) == 1


async def test_the_helper_of_the_package_for_streams_understands_ours(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(model="chat", messages=HELLO) as stream:
        deltas = [event.delta async for event in stream if event.type == "content.delta"]
        final = await stream.get_final_completion()
    assert "".join(deltas) == ANSWER == final.choices[0].message.content


async def test_a_stop_word_ends_the_answer(client: AsyncOpenAI) -> None:
    completion = await client.chat.completions.create(model="chat", messages=HELLO, stop=[" islands"])
    assert completion.choices[0].message.content == "Sea and"
    assert completion.choices[0].finish_reason == "stop"


async def test_the_tokens_that_were_asked_for_are_told_as_a_length(client: AsyncOpenAI) -> None:
    completion = await client.chat.completions.create(model="chat", messages=HELLO, max_tokens=5)
    assert completion.choices[0].finish_reason == "length"


async def test_vectors_come_as_the_package_unpacks_them(client: AsyncOpenAI) -> None:
    """Without a word about the encoding the package asks for base64 and decodes it itself."""
    packed = await client.embeddings.create(model="text-embedding-3-small", input="sea")
    plain = await client.embeddings.create(model="vectors", input=["sea"], encoding_format="float")
    assert packed.data[0].embedding == plain.data[0].embedding == VECTOR


async def test_an_image_comes_in_the_answer(client: AsyncOpenAI) -> None:
    images = await client.images.generate(model="dall-e-3", prompt="a small island")
    assert images.data is not None
    assert images.data[0].b64_json == PIXEL


async def test_models_are_listed_and_found(client: AsyncOpenAI) -> None:
    listed = [model.id async for model in client.models.list()]
    assert {"chat", "vectors", "pictures"} <= set(listed)
    assert (await client.models.retrieve("chat")).id == "chat"


async def test_each_refusal_raises_the_packages_own_error(network: Network, client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.chat.completions.create(model="nobody-published-this", messages=HELLO)
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        await client.chat.completions.create(model="chat", messages=HELLO, max_tokens=5_000)
    assert wrong.value.param == "max_tokens"
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="arch_nothing").models.list()
    poor = await network.add_owner(f"poor-{httpx.URL(str(client.base_url)).path.count('api')}")
    with pytest.raises(openai.APIStatusError) as unpaid:
        await client.with_options(api_key=poor).chat.completions.create(model="chat", messages=HELLO)
    assert unpaid.value.status_code == httpx.codes.PAYMENT_REQUIRED
    assert unpaid.value.code == "insufficient_credits"


async def test_the_package_without_async_reads_the_same(sync_client: OpenAI) -> None:
    completion = sync_client.chat.completions.create(model="chat", messages=HELLO)
    assert completion.choices[0].message.content == ANSWER
    stream = sync_client.chat.completions.create(model="chat", messages=HELLO, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == ANSWER


async def test_without_an_island_the_error_comes_once_and_the_job_costs_nothing(network: Network) -> None:
    """The package repeats a 503 by itself; ours says that a repetition makes no sense."""
    url = base_url(network)
    await network.islands[0].stop()
    async with AsyncOpenAI(base_url=url, api_key=network.key) as client:
        with pytest.raises(openai.InternalServerError) as refused:
            await client.chat.completions.create(model="chat", messages=HELLO)
    assert (refused.value.status_code, refused.value.code) == (503, "no_hosts")
    cancelled = (await network.http.get("/jobs", params={"status": "cancelled"})).json()["jobs"]
    assert len(cancelled) == 1

    async def is_released() -> bool:
        costs = (await answered(network.http, f"/jobs/{cancelled[0]['id']}/placement"))["charge"]
        return bool(costs["standing"] == "released")

    await eventually(is_released)
