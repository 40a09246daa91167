"""An island, under the name clients have for it: a host. Shown to its owner only."""

from typing import Any

from api.shapes.amounts import decimal_text
from api.shapes.present import instant, maybe_instant, present
from domain.karma import PAYOUT_KARMA
from projections.placement import IslandRow

MINUTE_MS = 60_000
REPUTATION_MAX = 100


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
        "status": row.status.value,
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
