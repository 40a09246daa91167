"""Trust levels of cargos and what each level may use at most.

Read by the cargo aggregate when a cargo is published and by the API when a job is submitted: a job runs at the level
that its cargo has in that moment, inside that level's limits. How levels move stands in `domain.cargo_trust`.
"""

from dataclasses import dataclass
from typing import Final

LEVEL_MAX: Final = 3
SANDBOX_TIERS: Final = ("restricted", "standard", "elevated", "elevated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run of a cargo may use."""

    memory_mb: int
    cpus: int
    wall_s: int
    pids: int
    tmpfs_mb: int
    output_bytes: int
    fuel: int


LEVEL_LIMITS: Final = (
    Limits(memory_mb=256, cpus=1, wall_s=60, pids=64, tmpfs_mb=64, output_bytes=4 << 20, fuel=10**10),
    Limits(memory_mb=1024, cpus=2, wall_s=300, pids=128, tmpfs_mb=256, output_bytes=16 << 20, fuel=10**11),
    Limits(memory_mb=8192, cpus=4, wall_s=1800, pids=256, tmpfs_mb=1024, output_bytes=64 << 20, fuel=10**12),
    Limits(
        memory_mb=16384, cpus=8, wall_s=3600, pids=512, tmpfs_mb=4096, output_bytes=256 << 20, fuel=10**13
    ),
)


def excess(limits: Limits, level: int) -> str | None:
    """The first limit outside its level, as `memory_mb 2048 is outside 1-1024 at trust level 1`, or None."""
    if not 0 <= level <= LEVEL_MAX:
        return f"trust_level {level} is outside 0-{LEVEL_MAX}"
    allowed = LEVEL_LIMITS[level]
    for name in Limits.__slots__:
        wanted, most = getattr(limits, name), getattr(allowed, name)
        if not 0 < wanted <= most:
            return f"{name} {wanted} is outside 1-{most} at trust level {level}"
    return None


def capped(limits: Limits, level: int) -> Limits:
    """What a run may use at this level: no limit above the level's own."""
    allowed = LEVEL_LIMITS[level]
    return Limits(**{name: min(getattr(limits, name), getattr(allowed, name)) for name in Limits.__slots__})
