"""Which attempts were handed to this island before."""

import pytest

from domain.ids import JobId
from island import seen_attempts
from island.attempt_key import AttemptKey
from island.seen_attempts import SeenAttempts


def key(job_id: str, attempt: int) -> AttemptKey:
    return AttemptKey(job_id=JobId(job_id), attempt=attempt)


def test_an_older_attempt_counts_as_seen_and_a_newer_one_does_not() -> None:
    seen = SeenAttempts()
    seen.add(key("a", 2))
    assert key("a", 1) in seen
    assert key("a", 2) in seen
    assert key("a", 3) not in seen
    assert key("b", 1) not in seen


def test_what_was_seen_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_attempts, "SEEN_MAX", 2)
    seen = SeenAttempts()
    for job_id in ("a", "b", "a", "c"):
        seen.add(key(job_id, 1))
    assert key("b", 1) not in seen
    assert key("a", 1) in seen
    assert key("c", 1) in seen
