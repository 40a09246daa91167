"""Merkle trees: the known answers of RFC 6962's test vectors, another library's roots, and the laws of proofs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree  # type: ignore[import-untyped]  # the library ships no types

from commands.merkle import (
    EMPTY_ROOT,
    Span,
    consistency_spans,
    inclusion_spans,
    is_consistent,
    is_included,
    leaf_hash,
    node_hash,
)

VECTOR = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
LEAVES = [leaf_hash(bytes([number])) for number in range(70)]


def tree(leaves: list[bytes]) -> bytes:
    """The definition of RFC 9162, 2.1.1, word by word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node_hash(tree(leaves[:k]), tree(leaves[k:]))


def path(spans: list[Span], leaves: list[bytes]) -> list[bytes]:
    return [tree(leaves[span.start : span.end]) for span in spans]


@pytest.mark.parametrize("size", range(1, 9))
def test_a_root_is_the_one_that_the_published_vectors_name(size: int) -> None:
    leaves = [leaf_hash(bytes.fromhex(text)) for text in VECTOR[:size]]
    assert tree(leaves).hex() == ROOTS[size - 1]


def test_a_root_is_the_one_that_another_library_computes() -> None:
    other = InmemoryTree(algorithm="sha256")
    for number in range(70):
        other.append_entry(bytes([number]))
        assert other.get_root() == tree(LEAVES[: number + 1])


def test_a_span_is_made_of_complete_subtrees_from_the_left() -> None:
    assert [(one.level, one.index) for one in Span(0, 7).subtrees()] == [(2, 0), (1, 2), (0, 6)]


def test_every_leaf_is_proven_in_every_tree_and_no_other_leaf_by_the_same_path() -> None:
    for size in range(1, 40):
        root = tree(LEAVES[:size])
        for leaf in range(size):
            found = path(inclusion_spans(leaf, size), LEAVES)
            assert is_included(LEAVES[leaf], leaf, size, found, root)
            assert not is_included(leaf_hash(b"forged"), leaf, size, found, root)


def test_every_tree_is_proven_to_begin_with_every_smaller_one() -> None:
    for new in range(40):
        for old in range(new + 1):
            found = path(consistency_spans(old, new), LEAVES)
            assert is_consistent(old, new, tree(LEAVES[:old]), tree(LEAVES[:new]), found)


@given(size=st.integers(2, 70), data=st.data())
def test_a_tree_with_a_changed_leaf_begins_with_no_honest_one(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    changed = data.draw(st.integers(0, old - 1))
    forged = [leaf_hash(b"forged") if n == changed else leaf for n, leaf in enumerate(LEAVES[:size])]
    found = path(consistency_spans(old, size), forged)
    assert not is_consistent(old, size, tree(LEAVES[:old]), tree(forged), found)


@given(size=st.integers(2, 70), data=st.data())
def test_a_path_with_one_bit_changed_or_one_hash_too_many_or_too_few_proves_nothing(
    size: int, data: st.DataObject
) -> None:
    leaf = data.draw(st.integers(0, size - 1))
    root = tree(LEAVES[:size])
    honest = path(inclusion_spans(leaf, size), LEAVES)
    where = data.draw(st.integers(0, len(honest) - 1))
    bit = data.draw(st.integers(0, 255))
    flipped = bytearray(honest[where])
    flipped[bit // 8] ^= 1 << bit % 8
    for wrong in (
        [*honest[:where], bytes(flipped), *honest[where + 1 :]],
        [*honest, honest[where]],
        [*honest[:where], *honest[where + 1 :]],
    ):
        assert not is_included(LEAVES[leaf], leaf, size, wrong, root)


@given(old=st.integers(1, 69), data=st.data())
def test_a_consistency_path_that_was_changed_proves_nothing(old: int, data: st.DataObject) -> None:
    new = data.draw(st.integers(old + 1, 70))
    honest = path(consistency_spans(old, new), LEAVES)
    where = data.draw(st.integers(0, len(honest) - 1))
    roots = tree(LEAVES[:old]), tree(LEAVES[:new])
    for wrong in (
        [*honest[:where], leaf_hash(b"forged"), *honest[where + 1 :]],
        [*honest, honest[where]],
        [*honest[:where], *honest[where + 1 :]],
    ):
        assert not is_consistent(old, new, *roots, wrong)


def test_a_leaf_outside_the_tree_and_a_tree_that_shrinks_are_never_proven() -> None:
    root = tree(LEAVES[:1])
    assert not is_included(LEAVES[0], 1, 1, [], root)
    assert not is_included(LEAVES[0], -1, 1, [], root)
    assert not is_consistent(2, 1, root, root, [])
    assert is_consistent(0, 1, EMPTY_ROOT, root, [])
    assert not is_consistent(0, 1, root, root, [])
