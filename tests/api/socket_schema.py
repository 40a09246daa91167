"""Holds every frame that the tests receive against the AsyncAPI document that clients are given."""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from api.socket_document import CHANNEL, with_socket


@cache
def schema_names() -> dict[str, str]:
    """By the frame's type, for the frames that the coordinator says."""
    said = document()["operations"]["SocketFramesSaid"]["messages"]
    names = [one["$ref"].removeprefix(f"#/channels/{CHANNEL}/messages/") for one in said]
    schemas = document()["components"]["schemas"]
    return {schemas[name]["properties"]["type"]["enum"][0]: name for name in names}


@cache
def document() -> dict[str, Any]:
    return with_socket({})


@cache
def validator(name: str) -> Draft202012Validator:
    components = document()["components"]
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": components})


def check_frame(frame: dict[str, Any]) -> None:
    """Raises `jsonschema.ValidationError`, or KeyError for a type that the document does not name."""
    name = schema_names()[frame["type"]]
    validator(name).validate(frame)
    assert set(frame) <= set(document()["components"]["schemas"][name]["properties"]), frame
