"""The fleet: every island as the placement sees it, folded from events.

`offer_after` is the one fold; the placing process keeps its picture with it in memory and the `placement` projection
keeps the same rows in Postgres, so both say the same at the same position (a test compares them).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from domain.gpu_bandwidth import bandwidth_mb_s
from domain.ids import IslandId
from domain.island_events import (
    AsksChanged,
    Capabilities,
    CooldownStarted,
    DrainEnded,
    DrainLifted,
    DrainOrdered,
    DrainStarted,
    FloodPenalized,
    IslandApproved,
    IslandCameOnline,
    IslandEnrolled,
    IslandPaired,
    IslandRegistered,
    IslandReinstated,
    IslandRemoved,
    IslandRenamed,
    IslandRevoked,
    IslandSuspended,
    IslandWentOffline,
    KarmaPenalized,
    ResultConfirmed,
    ResultContradicted,
    RuntimeOffer,
    RuntimesChanged,
    WarmCargosChanged,
    WorkCredited,
)
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    JobAssigned,
    JobCancelled,
    JobFailed,
    JobSucceeded,
)
from domain.placement import RECENT_MS, Offer, affinity_key
from domain.region import known_region

RECENT_KEPT_MAX: Final = 32  # Failures and cargos remembered per island; the oldest give way.

AttemptEnd = AttemptFailed | AttemptLost | AttemptReturned | JobSucceeded | JobFailed | JobCancelled


def island_of(event: Any) -> IslandId | None:
    """The island an event says something about, or None."""
    found: IslandId | None = getattr(event, "island_id", None)
    return found


def offer_after(offer: Offer | None, event: Any) -> Offer | None:
    """The island's offer after one event that concerns it. None until it is paired, and once it is removed."""
    if isinstance(event, IslandEnrolled | IslandPaired) and offer is None:
        return new_offer(event)
    if offer is None or isinstance(event, IslandRemoved):
        return None
    if isinstance(event, JobAssigned):
        return with_job(offer, event)
    if isinstance(event, AttemptEnd):
        return without_job(offer, event)
    return with_island_event(offer, event)


def new_offer(event: IslandEnrolled | IslandPaired) -> Offer | None:
    """An island that nobody vouches for offers nothing."""
    if event.owner_id is None:
        return None
    return Offer(
        island_id=event.island_id,
        owner_id=event.owner_id,
        name=event.name,
        is_unsigned=isinstance(event, IslandEnrolled) and event.password_sha256 is not None,
        karma=event.karma,
    )


def with_island_event(offer: Offer, event: Any) -> Offer:
    match event:
        case IslandApproved():
            return replace(offer, is_approved=True)
        case IslandRevoked():
            return replace(offer, is_approved=False)  # Until it is paired and approved again.
        case IslandRenamed():
            return replace(offer, name=event.name)
        case IslandRegistered():
            return with_capabilities(offer, event.capabilities)
        case IslandCameOnline():
            return replace(offer, is_online=True)
        case IslandWentOffline():
            return replace(offer, is_online=False)
        case DrainStarted() | DrainOrdered():
            return replace(offer, is_draining=True)
        case DrainEnded():
            return replace(offer, is_draining=event.is_still_ordered)
        case DrainLifted():
            return replace(offer, is_draining=event.is_still_draining)
        case AsksChanged():
            return replace(offer, asks_micro=event.asks_micro)
        case RuntimesChanged():
            return with_runtimes(offer, event)
        case WarmCargosChanged():
            return replace(offer, warm_slugs=frozenset(event.slugs))
        case WorkCredited() | KarmaPenalized() | FloodPenalized():
            return replace(offer, karma=event.karma)
        case ResultConfirmed():
            return replace(offer, valid_in_row={**offer.valid_in_row, event.runtime: event.in_row})
        case ResultContradicted():
            return replace(offer, valid_in_row={**offer.valid_in_row, event.runtime: 0})
        case CooldownStarted():
            return replace(offer, cooldown_until_ms=event.until_ms)
        case IslandSuspended():
            return replace(offer, is_suspended=True)
        case IslandReinstated():
            return replace(offer, is_suspended=False)
        case _:
            return offer


def with_capabilities(offer: Offer, found: Capabilities) -> Offer:
    return replace(
        offer,
        platform=found.platform,
        region=known_region(found.region),
        cpu_cores=found.cpu_cores,
        ram_mb=found.ram_mb,
        disk_free_mb=found.disk_free_mb,
        gpu_vram_mb=found.gpu_vram_mb,
        slots=found.slots,
        trust_level_min=found.trust_level_min,
        categories=found.categories,
        scores=scores(found.runtimes),
        gpu_bandwidth_mb_s=found.gpu_bandwidth_mb_s or bandwidth_mb_s(found.gpu_model, found.gpu_vram_mb),
        formats=frozenset(found.formats),
    )


def with_runtimes(offer: Offer, event: RuntimesChanged) -> Offer:
    """A bandwidth that it does not tell stays what its GPU's name let expect."""
    return replace(
        offer,
        scores=scores(event.runtimes),
        gpu_bandwidth_mb_s=event.gpu_bandwidth_mb_s or offer.gpu_bandwidth_mb_s,
        formats=frozenset(event.formats),
    )


def scores(runtimes: Sequence[RuntimeOffer]) -> dict[str, int]:
    return {runtime.runtime: runtime.score for runtime in runtimes}


def with_job(offer: Offer, event: JobAssigned) -> Offer:
    at_ms = event.assigned_at_ms
    recent = {k: v for k, v in offer.recent_cargos_ms.items() if at_ms - v <= RECENT_MS}
    recent = newest({**recent, affinity_key(event.account_id, event.cargo_slug): at_ms})
    return replace(offer, active_jobs=offer.active_jobs | {event.job_id}, recent_cargos_ms=recent)


def newest(instants_ms: Mapping[str, int]) -> dict[str, int]:
    kept = sorted(instants_ms.items(), key=lambda pair: (pair[1], pair[0]))[-RECENT_KEPT_MAX:]
    return dict(sorted(kept))


def without_job(offer: Offer, event: AttemptEnd) -> Offer:
    freed = replace(offer, active_jobs=offer.active_jobs - {event.job_id})
    match event:
        case AttemptFailed():
            return with_failure(freed, event.failed_at_ms)
        case AttemptLost() if event.loss.is_counted:
            return with_failure(freed, event.lost_at_ms)
        case _:
            return freed


def with_failure(offer: Offer, at_ms: int) -> Offer:
    recent = tuple(t for t in offer.recent_failures_ms if at_ms - t <= RECENT_MS)
    return replace(offer, recent_failures_ms=(*recent, at_ms)[-RECENT_KEPT_MAX:])
