"""An island, under the name clients have for it: a host. Shown to its owner, and with more beside it to operators."""

from typing import Any, Final

from api.shapes.amounts import decimal_text
from api.shapes.present import instant, maybe_instant, present
from domain.karma import PAYOUT_KARMA
from projections.placement import IslandRow, IslandStatus

MINUTE_MS = 60_000
REPUTATION_MAX = 100
STATUS_OF: Final = {
    IslandStatus.REMOVED: "offline",
    IslandStatus.REVOKED: "suspended",
    IslandStatus.SUSPENDED: "suspended",
    IslandStatus.REJECTED: "suspended",
    IslandStatus.PENDING: "pending",
    IslandStatus.OFFLINE: "offline",
    IslandStatus.DRAINING: "online",
    IslandStatus.ONLINE: "online",
}
"""The four words that published clients know; ours stands beside it as `standing`."""


def host_shape(row: IslandRow, *, heard_at_ms: int | None) -> dict[str, Any]:
    """`heard_at_ms` is when the last heartbeat came, where this process knows."""
    capabilities = {
        "runtimes": sorted(row.scores),
        "scores": dict(row.scores),
        "cpu_cores": row.cpu_cores,
        "ram_mb": row.ram_mb,
        "disk_free_mb": row.disk_free_mb,
        "gpu_model": row.gpu_model,
        "gpu_vram_mb": row.gpu_vram_mb or None,
        "slots": row.slots,
        "platform": row.platform,
    }
    shape = {
        "id": row.island_id,
        "name": row.name,
        "status": STATUS_OF[row.status],
        "standing": row.status.value,
        "suspended_reason": row.bar_reason or None,
        "suspended_at": maybe_instant(row.barred_at_ms),
        "capabilities_verified": row.verified_at_ms is not None,
        "capabilities_verified_at": maybe_instant(row.verified_at_ms),
        "signed": not row.is_unsigned,
        "region": row.region or "auto",
        "platform": row.platform,
        "agent_version": row.agent_version,
        "gpu_model": row.gpu_model,
        "gpu_vram_mb": row.gpu_vram_mb or None,
        "cpu_cores": row.cpu_cores,
        "ram_mb": row.ram_mb,
        "slots": row.slots,
        "runtimes": capabilities["runtimes"],
        "draining": row.is_draining,
        "drain_ordered": row.is_drain_ordered,
        "active_jobs": row.active,
        "jobs_completed": row.jobs_completed,
        "jobs_failed": row.jobs_failed,
        "karma": row.karma,
        "karma_pending_minutes": row.pending_minutes,
        "can_monetize": row.karma >= PAYOUT_KARMA,
        "total_compute_minutes": row.worked_ms // MINUTE_MS,
        "reputation_score": max(0, min(row.karma, REPUTATION_MAX)),
        "asking_prices": {slug: decimal_text(micro) for slug, micro in row.asks_micro.items()},
        "warm_workloads": sorted(row.warm_slugs),
        "enrolled_at": instant(row.enrolled_at_ms),
        "last_heartbeat_at": maybe_instant(heard_at_ms),
        "position": row.position,
    }
    data = {
        "id": row.island_id,
        "name": row.name,
        "status": shape["status"],
        "region": shape["region"],
        "capabilities": present(capabilities),
        "karma_score": row.karma,
        "last_heartbeat_at": shape["last_heartbeat_at"],
    }
    return present({**shape, "data": present(data)})


def admin_host_shape(row: IslandRow, *, heard_at_ms: int | None) -> dict[str, Any]:
    """The same as an operator sees it."""
    more = {"owner_id": row.owner_id, "verification_notes": row.verification_notes or None}
    shape = host_shape(row, heard_at_ms=heard_at_ms)
    return {**present(more), **shape}
