"""The tree and the hash chain over the log's commits, as they grow, and where the tree's hashes are kept.

Hashes lie in tiles of 256, eight levels of the tree apart: a tile on level 0 holds leaves, one on level 1 the roots of
whole tiles of level 0, and so on. A leaf costs 32 bytes of storage, and a proof over a million leaves three tiles.
Pure: who keeps the tiles and feeds the tree stands above it.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from commands.merkle import HASH_BYTES, Span, Subtree, complete_root, joined, leaf_hash
from commands.raw_commit import RawCommit, leaf_bytes

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT


class Gap(Exception):
    """A commit does not follow the one before: the copy of the log it comes from is not whole."""

    def __init__(self, position: int, expected: int) -> None:
        super().__init__(f"position {position} where {expected} was expected")
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Tile:
    """The address of at most 256 hashes, each of a complete subtree of `8 * level` levels."""

    level: int
    index: int


Tiles = Mapping[Tile, bytes]
"""The hashes of tiles, one behind the other."""


@dataclass(slots=True)
class LogTree:
    """`open_tiles[n]` is the last tile of level n as far as it is filled. Made empty, or with `restored`."""

    size: int = 0
    chain_head: bytes = b""
    open_tiles: list[bytearray] = field(default_factory=list)
    changed: dict[Tile, bytes] = field(default_factory=dict)
    """Tiles that were closed since `flushed` was called last."""

    def take(self, commit: RawCommit) -> bytes:
        """The leaf hash of the next commit, which is in the tree and the chain from now on. Raises `Gap`."""
        if commit.position != self.size + 1:
            raise Gap(commit.position, self.size + 1)
        digest = leaf_hash(leaf_bytes(commit))
        self.append(digest)
        return digest

    def append(self, digest: bytes) -> None:
        self.chain_head = hashlib.sha256(self.chain_head + digest).digest()
        entry, level, count = digest, 0, self.size
        while True:
            if level == len(self.open_tiles):
                self.open_tiles.append(bytearray())
            tile = self.open_tiles[level]
            tile += entry
            if len(tile) < TILE_WIDTH * HASH_BYTES:
                break
            self.changed[Tile(level, count >> TILE_HEIGHT)] = bytes(tile)
            entry = complete_root(hashes_of(tile))
            tile.clear()
            level, count = level + 1, count >> TILE_HEIGHT
        self.size += 1

    def root(self) -> bytes:
        """Of the tree over all commits so far."""
        return joined([self._peak(subtree) for subtree in Span(0, self.size).subtrees()])

    def flushed(self) -> dict[Tile, bytes]:
        """Every tile that changed since the last call, the open ones as they are now."""
        tiles, self.changed = self.changed, {}
        return {**tiles, **self.opened()}

    def opened(self) -> dict[Tile, bytes]:
        """The open tiles as they are now, but for empty ones."""
        return {
            Tile(level, self.size >> TILE_HEIGHT * (level + 1)): bytes(tile)
            for level, tile in enumerate(self.open_tiles)
            if tile
        }

    def _peak(self, subtree: Subtree) -> bytes:
        # A tree's last subtree of any level always lies in the open tile of that level.
        return subtree_in(self.open_tiles[subtree.level // TILE_HEIGHT], subtree)


def restored(size: int, chain_head: bytes, tiles: Tiles) -> LogTree:
    """The tree that has `size` leaves; `tiles` are those that `open_addresses` names."""
    open_tiles = [bytearray() for _ in open_addresses(size)]
    for level, address in enumerate(open_addresses(size)):
        filled = (size >> TILE_HEIGHT * level) % TILE_WIDTH * HASH_BYTES
        open_tiles[level] += tiles.get(address, b"")[:filled]
        assert len(open_tiles[level]) == filled
    return LogTree(size=size, chain_head=chain_head, open_tiles=open_tiles)


def open_addresses(size: int) -> list[Tile]:
    """The last tile of each level in a tree of `size` leaves. One that would be empty is named too."""
    levels = 0
    while size >> TILE_HEIGHT * levels:
        levels += 1
    return [Tile(level, size >> TILE_HEIGHT * (level + 1)) for level in range(levels)]


def hashes_of(tile: Sequence[int]) -> list[bytes]:
    return [bytes(tile[start : start + HASH_BYTES]) for start in range(0, len(tile), HASH_BYTES)]


def tile_of(subtree: Subtree) -> Tile:
    """Where the hashes lie that a subtree's hash is made of."""
    return Tile(
        subtree.level // TILE_HEIGHT,
        subtree.index >> TILE_HEIGHT - subtree.level % TILE_HEIGHT,
    )


def subtree_in(tile: Sequence[int], subtree: Subtree) -> bytes:
    """The hash of a subtree from the tile that `tile_of` names, which may still be open.

    Raises `IndexError` where the tile is not filled so far.
    """
    width = 1 << subtree.level % TILE_HEIGHT
    first = subtree.index * width % TILE_WIDTH
    hashes = hashes_of(tile[first * HASH_BYTES : (first + width) * HASH_BYTES])
    if len(hashes) < width:
        raise IndexError(subtree)
    return complete_root(hashes)


def tiles_for(spans: Iterable[Span]) -> set[Tile]:
    """What must be looked up before `proof` can be made."""
    return {tile_of(subtree) for span in spans for subtree in span.subtrees()}


def proof(spans: Iterable[Span], tiles: Tiles) -> list[bytes]:
    """The hashes of a proof, or of the root where `spans` is the whole tree alone."""
    return [joined([subtree_in(tiles[tile_of(one)], one) for one in span.subtrees()]) for span in spans]
