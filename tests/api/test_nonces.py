"""A nonce is fresh for two minutes, on every coordinator of the network and on no other."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.nonces import FUTURE_MS_MAX, LIFE_S, Nonces, nonce_secret

NOW_MS = 1_800_000_000_000
SECRET = b"secret"


def at(now_ms: int, secret: bytes = SECRET) -> Nonces:
    return Nonces(secret, lambda: now_ms)


@pytest.mark.parametrize(
    ("passed_ms", "is_fresh"),
    [(0, True), (LIFE_S * 1000 - 1, True), (LIFE_S * 1000, False), (-FUTURE_MS_MAX - 1, False)],
)
def test_a_nonce_lives_two_minutes(passed_ms: int, *, is_fresh: bool) -> None:
    nonce = at(NOW_MS).new()
    assert at(NOW_MS + passed_ms).is_fresh(nonce) is is_fresh


def test_no_two_nonces_are_alike() -> None:
    nonces = at(NOW_MS)
    assert len({nonces.new() for _ in range(100)}) == 100


def test_another_network_s_nonce_is_not_fresh() -> None:
    assert not at(NOW_MS).is_fresh(at(NOW_MS, b"another").new())


@given(st.integers(0, 47), st.sampled_from("AB-_z9"))
def test_a_nonce_that_was_changed_anywhere_is_not_fresh(place: int, character: str) -> None:
    nonce = at(NOW_MS).new()
    changed = nonce[:place] + character + nonce[place + 1 :]
    assert at(NOW_MS).is_fresh(changed) is (changed == nonce)


@given(st.text(max_size=100))
def test_no_other_text_is_fresh(text: str) -> None:
    assert not at(NOW_MS).is_fresh(text)


def test_coordinators_with_the_same_credentials_accept_each_other_s_nonces(tmp_path: Path) -> None:
    mine, copy, other = (tmp_path / name for name in ("mine", "copy", "other"))
    mine.write_text("credentials")
    copy.write_text("credentials")
    other.write_text("others")
    nonce = at(NOW_MS, nonce_secret(mine)).new()
    assert at(NOW_MS, nonce_secret(copy)).is_fresh(nonce)
    assert not at(NOW_MS, nonce_secret(other)).is_fresh(nonce)
