"""Merkle trees as in RFC 9162: hashes, which subtrees a proof is made of, and how a proof is verified.

Pure: whoever stores the tree looks the subtrees up (`commands/log_tree.py` says where they lie), and whoever holds a
root verifies without trusting them. Leaves count from 0. Every function promises the same bytes for the same tree.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

LEAF: Final = b"\x00"
NODE: Final = b"\x01"
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Subtree:
    """The complete subtree over the leaves `index * 2**level` up to, not including, `(index + 1) * 2**level`."""

    level: int
    index: int


@dataclass(frozen=True, slots=True)
class Span:
    """The leaves from `start` up to, not including, `end`, as one hash: the tree over just them."""

    start: int
    end: int

    def subtrees(self) -> Iterator[Subtree]:
        """The complete subtrees it is made of, from left to right: the larger first. A whole one is one."""
        start = self.start
        while start < self.end:
            level = (self.end - start).bit_length() - 1
            yield Subtree(level, start >> level)
            start += 1 << level


def leaf_hash(content: bytes) -> bytes:
    return hashlib.sha256(LEAF + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE + left + right).digest()


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """The root over subtrees of one size; how many must be a power of 2."""
    assert hashes
    assert len(hashes) & (len(hashes) - 1) == 0
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


def joined(hashes: Sequence[bytes]) -> bytes:
    """The hash of a span from those of its `subtrees`."""
    if not hashes:
        return EMPTY_ROOT
    joint = hashes[-1]
    for left in reversed(hashes[:-1]):
        joint = node_hash(left, joint)
    return joint


def inclusion_spans(leaf: int, size: int) -> list[Span]:
    """What proves that `leaf` is in the tree of `size` leaves, from the leaf up (RFC 9162, 2.1.3.1)."""
    assert 0 <= leaf < size
    spans: list[Span] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if leaf < middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """What proves that the tree of `old` leaves is the beginning of the one of `new` (RFC 9162, 2.1.4.1).

    Empty where the sizes are equal, or where `old` is 0: anything begins with nothing.
    """
    assert 0 <= old <= new
    if old in (0, new):
        return []
    spans: list[Span] = []
    start, end = 0, new
    while old != end:
        middle = start + split(end - start)
        if old <= middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    if start:
        spans.append(Span(start, end))
    return spans[::-1]


def split(size: int) -> int:
    """The largest power of 2 below `size`, which is above 1."""
    return 1 << (size - 1).bit_length() - 1


def is_included(leaf_digest: bytes, leaf: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves that this leaf is in the tree with that root (RFC 9162, 2.1.3.2)."""
    if not 0 <= leaf < size:
        return False
    digest, last = leaf_digest, size - 1
    for sibling in path:
        if not last:
            return False
        if leaf & 1 or leaf == last:
            digest = node_hash(sibling, digest)
            while leaf and not leaf & 1:  # The end of the tree has no sibling on these levels.
                leaf, last = leaf >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        leaf, last = leaf >> 1, last >> 1
    return not last and digest == root


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path proves that the new tree begins with the whole old one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old in (0, new):
        return not path and old_root == (new_root if old else EMPTY_ROOT)
    if not path:
        return False
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_digest = new_digest = hashes[0]
    for sibling in hashes[1:]:
        if not last:
            return False
        if node & 1 or node == last:
            old_digest = node_hash(sibling, old_digest)
            new_digest = node_hash(sibling, new_digest)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new_digest = node_hash(new_digest, sibling)
        node, last = node >> 1, last >> 1
    return not last and (old_digest, new_digest) == (old_root, new_root)
