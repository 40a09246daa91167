"""Keys: what was signed is believed, and nothing else."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.nats.accounts.nkey import BadKey, Kind, NKey, is_public_key, verify


@pytest.mark.parametrize(("kind", "letter"), [(Kind.OPERATOR, "O"), (Kind.ACCOUNT, "A"), (Kind.USER, "U")])
def test_a_key_tells_its_kind_and_comes_back_from_its_seed(kind: Kind, letter: str) -> None:
    pair = NKey.new(kind)
    assert (pair.public[0], pair.seed[:2], len(pair.public)) == (letter, f"S{letter}", 56)
    assert NKey.from_seed(pair.seed, kind) == pair
    assert is_public_key(pair.public, kind)


@given(data=st.binary(max_size=200), other=st.binary(max_size=200))
def test_a_signature_covers_exactly_what_was_signed(data: bytes, other: bytes) -> None:
    pair = NKey.derived(Kind.USER, b"seed", "signer")
    assert verify(pair.public, other, pair.sign(data)) == (data == other)


def test_a_signature_of_somebody_else_is_not_believed() -> None:
    mine, theirs = NKey.new(Kind.USER), NKey.new(Kind.USER)
    assert not verify(mine.public, b"claim", theirs.sign(b"claim"))


@given(public=st.text(max_size=80), signature=st.binary(max_size=80))
def test_nothing_malformed_is_believed_or_raises(public: str, signature: bytes) -> None:
    assert not verify(public, b"claim", signature)
    assert not is_public_key(public, Kind.USER)


@given(position=st.integers(0, 55))
def test_a_mistyped_key_is_no_key(position: int) -> None:
    public = NKey.derived(Kind.ACCOUNT, b"seed", "island").public
    other = "2" if public[position] != "2" else "3"
    assert not is_public_key(public[:position] + other + public[position + 1 :], Kind.ACCOUNT)


def test_a_key_of_another_kind_is_refused() -> None:
    user = NKey.new(Kind.USER)
    assert not is_public_key(user.public, Kind.ACCOUNT)
    with pytest.raises(BadKey, match="account"):
        NKey.from_seed(user.seed, Kind.ACCOUNT)


@pytest.mark.parametrize("seed", ["", "SU", "nonsense", "SU" + 56 * "A", "\xff"])
def test_what_is_no_seed_is_refused(seed: str) -> None:
    with pytest.raises(BadKey):
        NKey.from_seed(seed, Kind.USER)


def test_derived_keys_depend_on_master_and_label_alone() -> None:
    first = NKey.derived(Kind.ACCOUNT, b"master", "one")
    assert first == NKey.derived(Kind.ACCOUNT, b"master", "one")
    assert first != NKey.derived(Kind.ACCOUNT, b"master", "two")
    assert first != NKey.derived(Kind.ACCOUNT, b"another", "one")


def test_a_seed_is_never_part_of_what_is_printed() -> None:
    pair = NKey.new(Kind.USER)
    assert pair.seed not in repr(pair)
    assert base64.b32encode(bytes(pair.signer)).decode() not in repr(pair)
