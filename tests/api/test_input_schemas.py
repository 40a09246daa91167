"""Inputs against schemas that strangers wrote, some of them to do harm."""

import json
import time
from typing import Any

import pytest

from api.errors import ApiError, ErrorCode
from api.input_schemas import CHECK_CPU_S, PROBLEMS_MAX, VALIDATORS_CACHED_MAX, InputSchemas, check_schema


def problems(schema: dict[str, Any], value: Any) -> dict[str, list[str]]:
    with pytest.raises(ApiError) as raised:
        InputSchemas().check("slug", "1.0.0", json.dumps(schema), value)
    assert raised.value.code is ErrorCode.INVALID
    return dict(raised.value.fields)


def test_a_fitting_input_passes() -> None:
    InputSchemas().check("slug", "1.0.0", '{"required":["a"]}', {"a": 1})


def test_of_alternatives_the_closest_is_explained() -> None:
    schema = {"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 5}]}}}
    assert problems(schema, {"a": 3}) == {"input.a": ["3 is less than the minimum of 5"]}


def test_a_long_value_is_not_repeated() -> None:
    assert problems({"properties": {"a": {"type": "integer"}}}, {"a": "x" * 10_000}) == {
        "input.a": ["breaks the rule `type`"]
    }


def test_the_number_of_problems_is_bounded() -> None:
    schema = {"additionalProperties": {"type": "string"}}
    assert len(problems(schema, {str(number): number for number in range(100)})) == PROBLEMS_MAX


HOSTILE = {
    "a pattern that backtracks": {"properties": {"a": {"pattern": "^(a|a)*$"}}},
    "rules that double": {
        "$defs": {
            **{f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n - 1}"}] * 2} for n in range(1, 40)},
            "d0": {"type": "object"},
        },
        "$ref": "#/$defs/d39",
    },
}


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE)
def test_a_schema_made_to_take_for_ever_is_given_up(schema: dict[str, Any]) -> None:
    started_s = time.process_time()
    found = problems(schema, {"a": "a" * 60 + "!"})
    assert list(found) == ["input"]
    assert "takes too long" in found["input"][0]
    assert time.process_time() - started_s < 10 * CHECK_CPU_S


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "https://schemas.example/of-somebody-else.json"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "#/$defs/nothing"},
    ],
)
def test_a_reference_that_leads_nowhere_is_not_followed(schema: dict[str, Any]) -> None:
    assert "cannot be followed" in problems(schema, {})["input"][0]


def test_validators_are_kept_in_bounds_and_by_version() -> None:
    schemas = InputSchemas()
    for number in range(VALIDATORS_CACHED_MAX + 3):
        schemas.check("slug", f"1.0.{number}", "{}", {})
    assert len(schemas._validators) == VALIDATORS_CACHED_MAX
    with pytest.raises(ApiError):
        schemas.check("slug", "2.0.0", '{"required":["a"]}', {})


def test_a_schema_is_stored_as_it_was_written() -> None:
    assert check_schema("input_schema", {"title": "é", "type": "object"}) == '{"title":"é","type":"object"}'
