"""A submission as its publisher and staff read it: the fields it was written with, and what became of it."""

from typing import Any

import msgspec

from api.shapes.amounts import decimal_text
from api.shapes.present import instant, maybe_instant, present
from domain.cargo_spec import Runtime
from domain.submission import Scan, Submission


def submission_shape(submission: Submission) -> dict[str, Any]:
    """Everything but who submitted it."""
    cargo, spec = submission.offer.cargo, submission.offer.cargo.spec
    shape = present(
        {
            "id": submission.submission_id,
            "status": submission.status,
            "reason": submission.reason,
            "slug": spec.slug,
            "version": spec.version,
            "name": cargo.name,
            "tagline": cargo.listing.tagline,
            "category": spec.category,
            "description": cargo.description,
            "readme": cargo.listing.readme,
            "tags": list(cargo.listing.tags),
            "icon_url": cargo.listing.icon_url or None,
            "screenshots": list(cargo.listing.screenshots),
            **program(submission),
            "input_schema": msgspec.Raw(cargo.input_schema.encode()),
            "output_schema": msgspec.Raw(cargo.output_schema.encode()),
            "required_cpu_cores": spec.requirements.cpu_cores,
            "required_ram_mb": spec.requirements.ram_mb,
            "required_vram_mb": spec.requirements.vram_mb,
            "required_disk_mb": spec.requirements.disk_mb,
            "determinism": spec.determinism,
            "trust_level": spec.trust_level,
            f"price_per_{spec.price_unit}": decimal_text(spec.price_micro),
            "security": security(submission.scan),
            "created_at": instant(submission.drafted_at_ms),
            "updated_at": instant(submission.changed_at_ms),
            "submitted_at": maybe_instant(submission.handed_in_at_ms),
        }
    )
    return {**shape, "data": shape}


def admin_submission_shape(submission: Submission) -> dict[str, Any]:
    """For staff: also whose it is."""
    shape = {**submission_shape(submission)["data"], "account_id": submission.account_id}
    return {**shape, "data": shape}


def program(submission: Submission) -> dict[str, Any]:
    """What would run, under the names it was given with."""
    offer, spec = submission.offer, submission.offer.cargo.spec
    match spec.runtime:
        case Runtime.CONTAINER:
            given: dict[str, Any] = {"container_image": offer.container_image}
        case Runtime.WASM:
            given = {"wasm_hash": spec.artifact_digest, "wasm_url": offer.source_url or None}
        case _:
            given = {"model_hash": spec.artifact_digest, "model_url": offer.source_url or None}
    return {"runtime_type": spec.runtime, **given}


def security(scan: Scan | None) -> dict[str, Any] | None:
    if scan is None:
        return None
    return present(
        {
            "scan_status": scan.status,
            "vulnerabilities": scan.vulnerabilities,
            "image_digest": scan.image_digest or None,
            "last_scan_at": instant(scan.scanned_at_ms),
        }
    )
