"""Holds every answer that the tests receive against the OpenAPI document that clients are given.

Stricter than the document: a field that it does not name is a fault here, so that none is forgotten in it.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import httpx
from jsonschema import Draft202012Validator

from api.app import routed_app

JSON: Final = "application/json"
PARAMETER: Final = re.compile(r"\\\{\w+\\\}")


@cache
def our_answers() -> "AnswerSchema":
    """Of the document that every coordinator serves; it is the same for all."""
    return AnswerSchema(routed_app().openapi())


class AnswerSchema:
    """Of one document. `check` is an event hook of a client."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._components = closed(document["components"])
        self._paths = [(pattern_of(path), methods) for path, methods in in_order(document["paths"])]
        self._validators: dict[str, Draft202012Validator] = {}

    async def check(self, response: httpx.Response) -> None:
        """Raises AssertionError where a success is not as the document says."""
        if not response.is_success or response.headers.get("content-type") != JSON:
            return
        form = self.form_of(response.request.method, response.request.url.path, response.status_code)
        if form is not None:
            await response.aread()
            self.check_body(form, response.json(), f"{response.request.method} {response.request.url}")

    def form_of(self, method: str, path: str, status: int) -> dict[str, Any] | None:
        """The schema of an answer; None for a path outside of the document."""
        for pattern, methods in self._paths:
            if pattern.fullmatch(path) and method.lower() in methods:
                answers = methods[method.lower()]["responses"]
                assert str(status) in answers, f"{method} {path}: {status} is not in the document"
                found: dict[str, Any] = answers[str(status)]["content"][JSON]["schema"]
                return found
        return None

    def check_named(self, name: str, body: Any) -> None:
        """The same for one of the document's components."""
        self.check_body({"$ref": f"#/components/schemas/{name}"}, body, name)

    def check_body(self, form: dict[str, Any], body: Any, where: str) -> None:
        faults = [f"{error.json_path}: {error.message}" for error in self._validator(form).iter_errors(body)]
        assert not faults, f"{where}: {faults[:5]}"

    def _validator(self, form: dict[str, Any]) -> Draft202012Validator:
        key = json.dumps(form)
        if key not in self._validators:
            self._validators[key] = Draft202012Validator({**closed(form), "components": self._components})
        return self._validators[key]


def in_order(paths: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Those with the fewest parameters first: `/hosts/tickets` is no `/hosts/{island_id}`."""
    return sorted(paths.items(), key=lambda item: item[0].count("{"))


def pattern_of(path: str) -> re.Pattern[str]:
    return re.compile(PARAMETER.sub("[^/]+", re.escape(path)))


def closed(node: Any) -> Any:
    """The schema without room for fields that it does not name."""
    if isinstance(node, list):
        return [closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    inside = {name: closed(one) for name, one in node.items()}
    if isinstance(node.get("properties"), dict) and "type" in node:
        inside.setdefault("additionalProperties", False)
    return inside
