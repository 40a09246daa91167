"""A cargo, under the name clients have for it: a workload."""

from typing import Any

import msgspec

from api.shapes.amounts import decimal_text, number
from api.shapes.present import instant, present
from domain.cargo_spec import CargoSpec, Runtime
from domain.pricing import PriceUnit
from domain.reputation import band_of
from projections.cargos import CargoRow


def workload_shape(row: CargoRow, *, for_python_sdk: bool) -> dict[str, Any]:
    """The Python SDK knows two runtimes only; it reads every other one as `container`."""
    spec, needs = row.cargo.spec, row.cargo.spec.requirements
    runtime = spec.runtime
    shape = {
        "slug": row.slug,
        "name": row.cargo.name,
        "description": row.cargo.description,
        "version": spec.version,
        "runtime_type": runtime,
        "requirements": requirements(spec),
        "pricing": pricing(spec),
        "price_unit": spec.price_unit,
        "enabled": not row.is_disabled,
        "disabled_reason": row.disabled_reason,
        "trust_level": row.trust_level,
        "asked_trust_level": spec.trust_level,
        "reputation": row.standing.reputation_milli / 1000,
        "band": band_of(row.standing.reputation_milli).value,
        "determinism": spec.determinism,
        "artifact_digest": spec.artifact_digest,
        "published_at": instant(row.published_at_ms),
        "input_schema": msgspec.Raw(row.cargo.input_schema.encode()),
        "output_schema": msgspec.Raw(row.cargo.output_schema.encode()),
        "position": row.position,
    }
    data = {
        "id": row.created_position,
        "name": row.cargo.name,
        "slug": row.slug,
        "description": row.cargo.description,
        "runtime_type": runtime if not for_python_sdk or runtime is Runtime.WASM else Runtime.CONTAINER,
        "price_per_job": number(spec.price_micro) if spec.price_unit is PriceUnit.JOB else 0.0,
        "required_vram_mb": needs.vram_mb or None,
        "required_ram_mb": needs.ram_mb or None,
        "is_enabled": not row.is_disabled,
    }
    return present({**shape, "data": present(data)})


def requirements(spec: CargoSpec) -> dict[str, int]:
    """What an island must have, without what is not asked for."""
    needs = spec.requirements
    asked = {"vram_mb": needs.vram_mb, "ram_mb": needs.ram_mb, "cpu_cores": needs.cpu_cores}
    return {name: amount for name, amount in asked.items() if amount}


def pricing(spec: CargoSpec) -> dict[str, str]:
    """The default price under its unit, nothing under the others. Clients know the first three."""
    units = (PriceUnit.JOB, PriceUnit.SECOND, PriceUnit.TOKEN, PriceUnit.MILLION_FUEL)
    return {f"per_{unit}": decimal_text(spec.price_micro if spec.price_unit is unit else 0) for unit in units}
