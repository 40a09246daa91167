"""What an island says about itself: its registration and its heartbeats, as wire messages.

Filled by the agent with what changes; `Profile` is what does not change while the daemon runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters import clock
from adapters.runtime.contract import Capability
from adapters.wire import (
    PROTOCOL,
    HostHeartbeat,
    RegisterHost,
    WireAttempt,
    WireCache,
    WireCapabilities,
    WirePolicy,
    WireSelfTest,
)
from domain.category import ANY_CATEGORY, CategoryPolicy
from domain.ids import IslandId
from island.hardware import Hardware, measure
from island.opening_hours import OpeningHours
from island.reconcile import Running


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`asks` are decimal credits by cargo slug, `_default` for all others."""

    island_id: IslandId
    name: str
    version: str
    hardware: Hardware
    slots: int
    asks: Mapping[str, str]
    trust_level_min: int
    state_folder: Path
    categories: CategoryPolicy = ANY_CATEGORY
    region: str | None = None
    hours: OpeningHours = OpeningHours()


def registration(profile: Profile, capabilities: Mapping[str, Capability]) -> RegisterHost:
    """Every self-test is told; a runtime that failed its own is not offered."""
    hardware = profile.hardware
    return RegisterHost(
        host_id=profile.island_id,
        version=profile.version,
        capabilities=WireCapabilities(
            gpu_model=hardware.gpu_model,
            gpu_vram_mb=hardware.gpu_vram_mb,
            cpu_cores=hardware.cpu_cores,
            ram_mb=hardware.ram_mb,
            region=profile.region,
        ),
        protocol=PROTOCOL,
        name=profile.name,
        platform=hardware.platform,
        disk_free_mb=hardware.disk_free_mb,
        supported_runtimes=[name for name, found in capabilities.items() if found.offered],
        asking_prices=dict(profile.asks),
        self_tests=[
            WireSelfTest(
                runtime=name,
                engine=found.engine,
                engine_version=found.engine_version,
                passed=found.offered,
                score=round(found.score),
                detail="; ".join((*found.reasons, *found.gaps)) or None,
            )
            for name, found in capabilities.items()
        ],
        slots=profile.slots,
        policy=WirePolicy(
            trust_level_min=profile.trust_level_min,
            categories_allowed=list(profile.categories.allowed),
            categories_refused=list(profile.categories.refused),
        ),
    )


def heartbeat(
    profile: Profile, *, status: str, attempts: Sequence[Running], warm_slugs: Sequence[str]
) -> HostHeartbeat:
    """`status`: online, draining or offline. The attempts are what the coordinator reconciles itself with."""
    return HostHeartbeat(
        host_id=profile.island_id,
        agent_version=profile.version,
        status=status,
        active_jobs=len(attempts),
        timestamp=clock.now_ms(),
        system=measure(profile.state_folder),
        cache=WireCache(warm_workload_count=len(warm_slugs), warm_workload_ids=list(warm_slugs)),
        asking_prices=dict(profile.asks),
        protocol=PROTOCOL,
        free_slots=max(0, profile.slots - len(attempts)),
        attempts=[
            WireAttempt(job_id=one.key.wire_id, attempt=one.key.attempt, state=one.phase) for one in attempts
        ],
    )
