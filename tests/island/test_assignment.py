"""Which job messages are understood, and how one that is not is answered."""

import json
from typing import Any

import pytest

from adapters.wire import ASSIGNMENT_BYTES_MAX, encode
from domain.ids import JobId
from island.assignment import Unreadable, parse_assignment
from island.attempt_key import AttemptKey
from tests.island.network import DIGEST, assignment


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(encode(assignment("job-1", 2))) | fields).encode()


def test_a_message_becomes_what_the_runtime_needs() -> None:
    found = parse_assignment(encode(assignment("job-1", 2, text=b'{"a": 1}', wall_ms=1500, memory_mb=64)))

    assert found.key == AttemptKey(job_id=JobId("job-1"), attempt=2)
    assert (found.digest, found.is_exact, found.trust_level) == (DIGEST, True, 1)
    assert (found.limits.memory_mb, found.limits.wall_s, found.limits.output_bytes) == (64, 1.5, 1 << 20)
    assert found.stdin == b'{"a": 1}\n'


def test_an_input_of_several_lines_becomes_one() -> None:
    found = parse_assignment(encode(assignment(text=b'{\n "a": "x\\ny",\r\n "b": 1.50\n}')))
    assert found.stdin == b'{"a":"x\\ny","b":1.50}\n'


@pytest.mark.parametrize(("tier", "level"), [("restricted", 0), ("standard", 1), ("elevated", 3)])
def test_a_sandbox_tier_stands_for_its_highest_trust_level(tier: str, level: int) -> None:
    assert parse_assignment(encode(assignment(tier=tier))).trust_level == level


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (changed(attempt=1), "job_id"),
        (changed(job="another"), "job_id"),
        (changed(wasm_url="file:///etc/passwd"), "wasm_url"),
        (changed(wasm_url=None), "wasm_url"),
        (changed(sandbox_tier="none"), "sandbox_tier"),
        (changed(deadline_ms=0), "limits.wall_s"),
        (changed(deadline_ms="soon"), "deadline_ms"),
        (
            changed(cargo={"slug": "a", "version": "1", "digest": "../x", "determinism": "exact"}),
            "cargo.digest",
        ),
    ],
)
def test_a_wrong_field_is_named_and_the_attempt_is_known(body: bytes, field: str) -> None:
    with pytest.raises(Unreadable, match=field) as caught:
        parse_assignment(body)
    assert caught.value.key is not None
    assert caught.value.key.wire_id == "job-1_2"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 10_000,
        b'{"job_id": 7}',
        changed(job_id="../../etc/passwd"),
        changed(job_id="job-1_1"),
        changed(job_id="a" * 65),
        b" " * (ASSIGNMENT_BYTES_MAX + 1),
    ],
)
def test_a_message_that_names_no_attempt_is_answered_by_nobody(body: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        parse_assignment(body)
    assert caught.value.key is None
