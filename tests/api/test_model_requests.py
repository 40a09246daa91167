"""What OpenAI's clients send becomes the input of a cargo; what a cargo puts out becomes vectors and images."""

import base64
import struct
from typing import Any

import pytest
from pydantic import ValidationError

from api.chat_request import ChatRequest
from api.embedding_request import EmbeddingRequest, vectors_in
from api.image_request import ImageRequest, image_in
from domain.cargo_spec import Runtime

USER = {"role": "user", "content": "Hello"}


def chat(**fields: Any) -> ChatRequest:
    return ChatRequest.model_validate({"messages": [USER], **fields})


def test_llama_is_given_the_messages_alone() -> None:
    assert chat().input_for(Runtime.LLMCPP) == {
        "messages": [USER],
        "max_tokens": 1024,
        "temperature": 0.7,
    }


def test_other_cargos_get_a_prompt_and_the_instructions_apart() -> None:
    request = chat(
        messages=[{"role": "developer", "content": "Be brief."}, USER],
        max_tokens=7,
        temperature=0,
        top_p=0.5,
    )
    assert request.input_for(Runtime.WASM) == {
        "prompt": "Hello",
        "system_prompt": "Be brief.",
        "messages": [{"role": "system", "content": "Be brief."}, USER],
        "max_tokens": 7,
        "temperature": 0,
        "top_p": 0.5,
    }


def test_a_conversation_becomes_one_text_that_names_its_speakers() -> None:
    request = chat(
        messages=[USER, {"role": "assistant", "content": "Hi"}, {"role": "user", "content": "Bye"}]
    )
    assert request.prompt() == "user: Hello\nassistant: Hi\nuser: Bye"


def test_text_parts_are_one_text_and_tool_calls_none() -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    request = chat(messages=[{"role": "user", "content": parts}, {"role": "assistant", "content": None}])
    assert [message.content for message in request.messages] == ["Hello", ""]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("messages", []),
        ("messages", [USER] * 129),
        ("messages", [{"role": "user", "content": "x" * 32_769}]),
        ("messages", [{"role": "king", "content": "x"}]),
        ("messages", [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]),
        ("max_tokens", 0),
        ("max_tokens", 4097),
        ("max_completion_tokens", 4097),
        ("temperature", 2.1),
        ("top_p", -0.1),
        ("n", 2),
        ("stop", ["x"] * 9),
        ("stop", ""),
        ("stop", 7),
        ("model", "x" * 129),
    ],
)
def test_what_breaks_a_bound_is_refused_with_its_field(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        chat(**{field: value})
    assert refused.value.errors()[0]["loc"][0] == field


@pytest.mark.parametrize(
    "field", ["stop", "n", "max_tokens", "stream", "stream_options", "temperature", "top_p"]
)
def test_a_field_that_is_null_is_one_left_out(field: str) -> None:
    assert chat(**{field: None}).input_for(Runtime.WASM) == chat().input_for(Runtime.WASM)


def test_the_bounds_themselves_are_taken() -> None:
    request = chat(
        messages=[{"role": "user", "content": "x" * 32_768}] * 128, max_tokens=4096, n=1, stop="END"
    )
    assert (request.tokens_max, request.stop) == (4096, ["END"])


def test_one_text_is_sent_as_every_embedding_cargo_takes_it() -> None:
    assert EmbeddingRequest(input=["a"]).cargo_input() == {"text": "a"}
    assert EmbeddingRequest(input=["a", "b"]).cargo_input() == {"texts": ["a", "b"]}


def test_vectors_are_put_in_the_order_of_the_texts() -> None:
    output = '{"index":1,"embedding":[3,4]}\n {"index":0,"embedding":[1,2]}'
    assert vectors_in(output) == [[1.0, 2.0], [3.0, 4.0]]
    assert vectors_in('{"embedding":[0.5],"dimensions":1}') == [[0.5]]


@pytest.mark.parametrize(
    "output",
    [
        "hello",
        "7",
        "{}",
        '{"embedding":7}',
        '{"embedding":["x"]}',
        '{"embedding":[1e39]}',
        '{"embedding":[NaN]}',
        '{"embedding":[Infinity]}',
        '{"index":1,"embedding":[1]}',
        '{"embedding":[1]}{"embedding":[2]}',
        '{"index":[],"embedding":[1]}',
        "[" * 100_000,
    ],
)
def test_what_is_no_vector_is_said_to_be_none(output: str) -> None:
    assert vectors_in(output) is None


def test_packed_vectors_are_little_endian_floats() -> None:
    request = EmbeddingRequest(input=["a"], encoding_format="base64")
    packed = request.encoded([1.0, -2.5])
    assert isinstance(packed, str)
    assert struct.unpack("<2f", base64.b64decode(packed)) == (1.0, -2.5)


@pytest.mark.parametrize(
    ("size", "sides"), [(None, {}), ("auto", {}), ("512x768", {"width": 512, "height": 768})]
)
def test_the_size_of_an_image_is_the_cargos_own_unless_named(size: str | None, sides: dict[str, int]) -> None:
    assert ImageRequest(prompt="sea", size=size).cargo_input() == {"prompt": "sea", **sides}


def test_an_image_is_found_in_the_output_and_nothing_else_is() -> None:
    image = image_in('{"image_data":"aGk=","format":"png","width":1,"seed":7}')
    assert image is not None
    assert (image.image_data, image.format) == ("aGk=", "png")
    assert image_in("no image") is None
    assert image_in('{"format":"png"}') is None
