"""A cargo as staff list it: whether it runs, why not, and what it is."""

from typing import Any

from api.openapi_document import BASE
from api.shapes.present import instant, present
from domain.cargo_spec import Runtime
from projections.cargos import CargoRow


def admin_workload_shape(row: CargoRow) -> dict[str, Any]:
    """`approved` is false while it waits for a review by staff."""
    spec = row.cargo.spec
    is_module = spec.runtime is Runtime.WASM
    shape = present(
        {
            "id": row.created_position,
            "slug": row.slug,
            "name": row.cargo.name,
            "version": spec.version,
            "runtime_type": spec.runtime,
            "wasm_url": f"{BASE}/artifacts/{spec.artifact_digest}" if is_module else None,
            "artifact_digest": spec.artifact_digest,
            "required_cpu_cores": spec.requirements.cpu_cores,
            "required_ram_mb": spec.requirements.ram_mb,
            "required_vram_mb": spec.requirements.vram_mb,
            "trust_level": row.trust_level,
            "enabled": not row.is_disabled,
            "killed": row.is_killed,
            "disabled_reason": row.disabled_reason,
            "approved": row.awaits_review_since_ms is None,
            "account_id": spec.publisher_id,
            "published_at": instant(row.published_at_ms),
        }
    )
    return {**shape, "data": shape}
