"""A set of ids that only grows, cheap to keep as a value and small to keep for ever.

Aggregates remember every hold, settlement or attempt they ever took, so that a repeated command decides nothing,
however late it comes: there is no age at which an id may be forgotten. A `frozenset` would be copied whole with every
event; here a few layers of doubling size are shared between states. Ids that have been there for a while lie packed,
as sorted digests of sixteen bytes where a string in a set takes about 130. Sixteen, because whoever found two ids of
one digest could have the second job for nothing: of shorter ones two can be found by trying.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

DIGEST_BYTES: Final = 16
PACKED_FROM: Final = 4_096
"""Ids in a layer from which on it is packed."""
PACK_BYTES_MAX: Final = 65_536 * DIGEST_BYTES
"""Packs of this size are merged no further, so that no single id takes longer than a few milliseconds to add."""


@dataclass(frozen=True, slots=True)
class SeenIds:
    """An immutable set of strings. `with_id` returns a new set and leaves this one as it is."""

    layers: tuple[frozenset[str], ...] = ()
    packs: tuple[bytes, ...] = ()

    def __contains__(self, one: object) -> bool:
        if any(one in layer for layer in self.layers):
            return True
        if not self.packs or not isinstance(one, str):
            return False
        digest = digest_of(one)
        return any(is_in(pack, digest) for pack in self.packs)

    def __len__(self) -> int:
        return sum(len(layer) for layer in self.layers) + sum(map(len, self.packs)) // DIGEST_BYTES

    def with_id(self, one: str) -> "SeenIds":
        """This set and `one`. Layers of equal size are merged, as a binary counter carries."""
        if one in self:
            return self
        newest = frozenset((one,))
        layers = list(self.layers)
        while layers and len(layers[-1]) <= len(newest):
            newest |= layers.pop()
        if len(newest) < PACKED_FROM:
            return SeenIds((*layers, newest), self.packs)
        return SeenIds(tuple(layers), with_pack(self.packs, packed(map(digest_of, newest))))


def with_pack(packs: tuple[bytes, ...], newest: bytes) -> tuple[bytes, ...]:
    older = list(packs)
    while older and len(older[-1]) <= len(newest) < PACK_BYTES_MAX:
        newest = packed([*digests_in(older.pop()), *digests_in(newest)])
    return (*older, newest)


def digest_of(one: str) -> bytes:
    return blake2b(one.encode(), digest_size=DIGEST_BYTES).digest()


def packed(digests: Iterable[bytes]) -> bytes:
    return b"".join(sorted(digests))


def digests_in(pack: bytes) -> list[bytes]:
    return [pack[start : start + DIGEST_BYTES] for start in range(0, len(pack), DIGEST_BYTES)]


def is_in(pack: bytes, digest: bytes) -> bool:
    starts = range(0, len(pack), DIGEST_BYTES)
    found = bisect_left(starts, digest, key=lambda start: pack[start : start + DIGEST_BYTES])
    return found < len(starts) and pack.startswith(digest, starts[found])
