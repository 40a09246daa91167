"""The log's tree as it grows: the same root as the whole tree, whatever is kept and restored in between."""

import hashlib
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree  # type: ignore[import-untyped]  # the library ships no types

from commands.log_tree import Gap, LogTree, Tile, open_addresses, proof, restored, tiles_for
from commands.merkle import Span, consistency_spans, inclusion_spans, is_consistent, is_included, leaf_hash
from commands.raw_commit import RawCommit, leaf_bytes

SIZE = 70_000  # Tiles on three levels.
COMMIT = RawCommit(
    position=1,
    subject="evt.job.j1",
    headers={"b": "2", "a": "1"},
    body=b'[{"name":"job.submitted"}]',
    recorded_at_ms=1_700_000_000_000,
)


def digest(leaf: int) -> bytes:
    return leaf_hash(str(leaf).encode())


@pytest.fixture(scope="module")
def tiles() -> dict[Tile, bytes]:
    """Everything a tree of `SIZE` leaves keeps, written in pieces of many sizes and restored in between."""
    chance = random.Random(1)
    tree, kept = LogTree(), dict[Tile, bytes]()
    while tree.size < SIZE:
        for _ in range(min(chance.randint(1, 3000), SIZE - tree.size)):
            tree.append(digest(tree.size))
        kept |= tree.flushed()
        tree = restored(
            tree.size, tree.chain_head, {at: kept[at] for at in open_addresses(tree.size) if at in kept}
        )
    return kept


def root(size: int, tiles: dict[Tile, bytes]) -> bytes:
    return proof([Span(0, size)], tiles)[0]


def test_a_commits_leaf_is_one_fixed_text() -> None:
    assert leaf_bytes(COMMIT) == (
        b'{"body_sha256":"' + hashlib.sha256(COMMIT.body).hexdigest().encode() + b'",'
        b'"headers":{"a":"1","b":"2"},"position":1,"recorded_at_ms":1700000000000,"subject":"evt.job.j1"}'
    )


@pytest.mark.parametrize(
    "changed",
    [
        replace(COMMIT, position=2),
        replace(COMMIT, subject="evt.job.j2"),
        replace(COMMIT, headers={"a": "1", "b": "3"}),
        replace(COMMIT, body=b"[]"),
        replace(COMMIT, recorded_at_ms=1),
    ],
)
def test_no_part_of_a_commit_can_change_without_its_leaf(changed: RawCommit) -> None:
    assert leaf_bytes(changed) != leaf_bytes(COMMIT)


def test_a_commit_that_does_not_follow_is_a_gap() -> None:
    tree = LogTree()
    tree.take(COMMIT)
    with pytest.raises(Gap, match="position 3 where 2 was expected"):
        tree.take(replace(COMMIT, position=3))
    assert tree.size == 1


@given(size=st.integers(0, 600))
def test_a_growing_tree_has_the_root_that_another_library_computes(size: int) -> None:
    tree, other = LogTree(), InmemoryTree(algorithm="sha256")
    for leaf in range(size):
        tree.append(digest(leaf))
        other.append_entry(str(leaf).encode())
    assert tree.root() == (other.get_root() if size else hashlib.sha256(b"").digest())


def test_the_chain_stands_for_every_leaf_in_order() -> None:
    tree = LogTree()
    heads = set[bytes]()
    for leaf in (1, 2, 1):
        tree.append(digest(leaf))
        heads.add(tree.chain_head)
    expected = b""
    for leaf in (1, 2, 1):
        expected = hashlib.sha256(expected + digest(leaf)).digest()
    assert (tree.chain_head, len(heads)) == (expected, 3)


@given(size=st.integers(1, SIZE), data=st.data())
def test_every_commit_is_proven_in_every_later_tree_from_a_few_tiles(
    tiles: dict[Tile, bytes], size: int, data: st.DataObject
) -> None:
    leaf = data.draw(st.integers(0, size - 1))
    spans = inclusion_spans(leaf, size)
    needed = tiles_for(spans)
    found = proof(spans, {at: tiles[at] for at in needed})
    assert is_included(digest(leaf), leaf, size, found, root(size, tiles))
    assert not is_included(digest(leaf + 1), leaf, size, found, root(size, tiles))
    assert len(needed) <= 6  # Its own and the last of each level.


@given(new=st.integers(1, SIZE), data=st.data())
def test_every_tree_is_proven_to_begin_with_every_earlier_one(
    tiles: dict[Tile, bytes], new: int, data: st.DataObject
) -> None:
    old = data.draw(st.integers(1, new))
    found = proof(consistency_spans(old, new), tiles)
    assert is_consistent(old, new, root(old, tiles), root(new, tiles), found)
    if old != new:
        assert not is_consistent(old, new, leaf_hash(b"forged"), root(new, tiles), found)
