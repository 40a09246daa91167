"""What a cargo may use at each trust level, in the numbers that publishers are told.

That every limit is kept from one to its bound stands in `tests/domain/test_trust.py`, and that a sandbox really keeps
them in `tests/adapters/runtime`.
"""

import pytest

from domain.trust import LEVEL_LIMITS, SANDBOX_TIERS

GIB_MB = 1024
MIB = 1 << 20

TABLE = {
    "memory_mb": (256, 1 * GIB_MB, 8 * GIB_MB, 16 * GIB_MB),
    "cpus": (1, 2, 4, 8),
    "wall_s": (60, 5 * 60, 30 * 60, 60 * 60),
    "pids": (64, 128, 256, 512),
    "tmpfs_mb": (64, 256, 1 * GIB_MB, 4 * GIB_MB),
    "output_bytes": (4 * MIB, 16 * MIB, 64 * MIB, 256 * MIB),
    "fuel": (10**10, 10**11, 10**12, 10**13),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_most_a_cargo_may_use_at_each_level(name: str) -> None:
    assert tuple(getattr(limits, name) for limits in LEVEL_LIMITS) == TABLE[name]


def test_every_limit_has_a_line_in_the_table() -> None:
    assert set(TABLE) == set(LEVEL_LIMITS[0].__slots__)


def test_a_sandbox_is_restricted_standard_or_elevated() -> None:
    assert SANDBOX_TIERS == ("restricted", "standard", "elevated", "elevated")
