"""Why a cargo stands where it stands: its level, its reputation, what is missing for more, and its history."""

from collections.abc import Sequence
from typing import Any

from api.shapes.present import instant, maybe_instant, present
from domain.cargo_state import Cargo
from domain.cargo_trust import case_of, missing
from domain.ids import CargoSlug
from domain.publisher import CARGOS_MAX, Publisher
from domain.reputation import Standing, band_of, score_milli
from domain.trust import SANDBOX_TIERS
from projections.cargo_changes import CargoChangeRow
from projections.cargos import CargoRow


def trust_shape(
    slug: CargoSlug, cargo: Cargo, publisher: Publisher, changes: Sequence[CargoChangeRow]
) -> dict[str, Any]:
    """`missing` are conditions of the next level; `history` has the newest change first."""
    assert cargo.latest is not None
    case = case_of(cargo, publisher.tier, scan=cargo.scan, review=cargo.review)
    standing = cargo.standing
    shape = {
        "slug": slug,
        "version": cargo.latest.spec.version,
        "artifact_digest": cargo.latest.spec.artifact_digest,
        "trust_level": cargo.trust_level,
        "asked_trust_level": cargo.latest.spec.trust_level,
        "sandbox_tier": SANDBOX_TIERS[cargo.trust_level],
        "first_party": cargo.is_first_party,
        "enabled": not cargo.is_disabled,
        "killed": cargo.is_killed,
        "awaits_review": cargo.awaits_review,
        "publisher_tier": publisher.tier.value,
        "missing": list(missing(case)),
        "reputation": standing.reputation_milli / 1000,
        "band": band_of(standing.reputation_milli).value,
        "score": score_milli(standing) / 1000,
        "counted": counted_shape(standing),
        "history": [change_shape(change) for change in changes],
    }
    return {**shape, "data": shape}


def counted_shape(standing: Standing) -> dict[str, int]:
    return {
        "succeeded": standing.succeeded,
        "failed": standing.failed,
        "timed_out": standing.timed_out,
        "cancelled": standing.cancelled,
        "successes_in_row": standing.in_row,
        "ratings": standing.ratings,
        "positive_ratings": standing.positive_ratings,
        "complaints": standing.complaints,
    }


def change_shape(change: CargoChangeRow) -> dict[str, Any]:
    return {
        "position": change.position,
        "index": change.index,
        "at": instant(change.at_ms),
        "what": change.what,
        "evidence": list(change.evidence),
    }


def review_shape(row: CargoRow) -> dict[str, Any]:
    """A cargo that waits for staff."""
    shape = {
        "slug": row.slug,
        "version": row.cargo.spec.version,
        "artifact_digest": row.cargo.spec.artifact_digest,
        "publisher_id": row.cargo.spec.publisher_id,
        "trust_level": row.trust_level,
        "asked_trust_level": row.cargo.spec.trust_level,
        "waits_since": maybe_instant(row.awaits_review_since_ms),
        "disabled_reason": row.disabled_reason,
    }
    return present({**shape, "data": present(shape)})


def publisher_shape(account_id: str, publisher: Publisher) -> dict[str, Any]:
    """`cargos_max` is left out where there is no bound."""
    shape = present(
        {
            "account_id": account_id,
            "tier": publisher.tier.value,
            "cargos": len(publisher.slugs),
            "cargos_max": CARGOS_MAX[publisher.tier],
        }
    )
    return {**shape, "data": shape}
