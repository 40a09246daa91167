"""Who breaks a pattern is told the rule in words."""

from collections.abc import Iterator
from typing import Any

import pytest

from api.pattern_rules import RULE_OF_PATTERN
from domain.api_key import Scope
from tests.api.network import Network

pytestmark = pytest.mark.asyncio(loop_scope="module")


def patterns(node: Any) -> Iterator[str]:
    """Every pattern of a document; a field that is called `pattern` is none."""
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        for value in node.values():
            yield from patterns(value)
    if isinstance(node, list):
        for value in node:
            yield from patterns(value)


async def test_every_pattern_of_the_document_is_said_in_words(network: Network) -> None:
    untold = set(patterns(network.app.openapi())) - set(RULE_OF_PATTERN)
    assert untold == set(), "say in api/pattern_rules.py what they ask for"


async def test_no_sentence_is_kept_for_a_pattern_that_is_gone(network: Network) -> None:
    assert set(RULE_OF_PATTERN) <= set(patterns(network.app.openapi()))


async def test_a_broken_pattern_is_told_as_a_rule(network: Network) -> None:
    operator = await network.person(scopes=tuple(Scope))
    answer = await network.http.get("/audit/touched", headers=operator.headers, params={"island": "nope"})
    assert answer.status_code == 422
    assert "island: must be an id of 8 to 64 letters, digits, - and _" in answer.text
    assert "pattern" not in answer.text
