"""Lots that jobs and islands draw, so that equals are chosen between by chance that any replay repeats.

Called by the placement. Each id becomes a key of 64 bits once; a pair is mixed with a few operations on whole numbers,
which a column of a hundred thousand islands can do as well as one.
"""

from hashlib import blake2b
from typing import Final

MASK: Final = (1 << 64) - 1
GAMMA: Final = 0x9E3779B97F4A7C15
MIX_FIRST: Final = 0xBF58476D1CE4E5B9
MIX_SECOND: Final = 0x94D049BB133111EB


def lot_key(any_id: str) -> int:
    return int.from_bytes(blake2b(any_id.encode(), key=b"placement-3", digest_size=8).digest(), "big")


def lot(job_key: int, island_key: int) -> int:
    """The finalizer of SplitMix64 (Steele, Lea and Flood, 2014) over both keys. The lowest lot wins."""
    mixed = ((job_key ^ island_key) + GAMMA) & MASK
    mixed = ((mixed ^ (mixed >> 30)) * MIX_FIRST) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * MIX_SECOND) & MASK
    return mixed ^ (mixed >> 31)
