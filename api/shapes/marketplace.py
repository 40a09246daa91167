"""The marketplace as clients read it: cargos on a shelf, the page of one, its reviews."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from api.shapes.present import instant, present
from api.shapes.workload import pricing, requirements
from domain.category import OTHER
from domain.reputation import Standing, band_of
from projections.cargos import CargoRow
from projections.reviews import RatingRow, ReviewRow

CATEGORIES: Final[Mapping[str, str]] = {
    "audio": "Speech and sound: transcribe, translate, synthesize.",
    "chat": "Language models that answer messages.",
    "code": "Programs that build, check or run code.",
    "data": "Tables and documents: convert, extract, compute.",
    "embedding": "Texts as vectors, for search and comparison.",
    "image": "Make, change and describe images.",
    "science": "Simulations and numerical work.",
    "text": "Transform, summarize and classify text.",
    "video": "Cut, convert and describe video.",
    OTHER: "Whatever names no category.",
}
"""What the usual words mean. A publisher may use another word; it is listed as it stands."""


def card_shape(row: CargoRow, rating: RatingRow | None) -> dict[str, Any]:
    """A cargo on the shelf. `total_jobs` are the runs of customers, as the cargo's reputation counts them."""
    spec, listing = row.cargo.spec, row.cargo.listing
    shape = {
        "id": row.created_position,
        "slug": row.slug,
        "name": row.cargo.name,
        "tagline": listing.tagline,
        "category": spec.category or OTHER,
        "tags": list(listing.tags),
        "icon_url": listing.icon_url or None,
        "runtime_type": spec.runtime,
        "pricing": pricing(spec),
        "price_unit": spec.price_unit,
        "requirements": requirements(spec),
        "average_rating": average_rating(rating),
        "review_count": rating.reviews if rating else 0,
        "total_jobs": row.standing.runs + row.standing.cancelled,
        "trust_level": row.trust_level,
        "reputation": row.standing.reputation_milli / 1000,
    }
    return with_data(present(shape))


def page_shape(row: CargoRow, rating: RatingRow | None, developer: int | None) -> dict[str, Any]:
    """Everything about one cargo. `developer` is the public number of the publisher's account."""
    listing = row.cargo.listing
    shape = {
        **card_shape(row, rating)["data"],
        "version": row.cargo.spec.version,
        "description": row.cargo.description,
        "readme": listing.readme,
        "screenshots": list(listing.screenshots),
        "input_schema": msgspec.Raw(row.cargo.input_schema.encode()),
        "output_schema": msgspec.Raw(row.cargo.output_schema.encode()),
        "developer": present({"id": developer, "first_party": row.is_first_party}),
        "stats": stats_shape(row.standing),
        "published_at": instant(row.published_at_ms),
    }
    return with_data(shape)


def stats_shape(standing: Standing) -> dict[str, Any]:
    """`average_run_ms` and `success_rate_percent` are left out before the first run."""
    runs, succeeded = standing.runs, standing.succeeded
    return present(
        {
            "succeeded": succeeded,
            "failed": standing.failed,
            "timed_out": standing.timed_out,
            "cancelled": standing.cancelled,
            "success_rate_percent": round(100 * succeeded / runs, 1) if runs else None,
            "average_run_ms": standing.worked_ms // succeeded if succeeded else None,
            "complaints": standing.complaints,
            "band": band_of(standing.reputation_milli).value,
        }
    )


def average_rating(rating: RatingRow | None) -> float:
    """Two digits; 0 where nobody has reviewed."""
    return round(rating.stars / rating.reviews, 2) if rating and rating.reviews else 0.0


def category_shape(category: str, count: int) -> dict[str, Any]:
    return {
        "slug": category,
        "name": category.replace("-", " ").capitalize(),
        "description": CATEGORIES.get(category, f"Cargos whose publishers call them {category}."),
        "workload_count": count,
    }


def review_shape(row: ReviewRow) -> dict[str, Any]:
    """Who wrote it is not told."""
    return with_data(
        {
            "id": row.created_position,
            "workload": row.slug,
            "rating": row.rating,
            "title": row.title,
            "comment": row.comment,
            "helpful_count": row.helpful,
            "not_helpful_count": row.not_helpful,
            "verified_purchase": row.is_verified,
            "created_at": instant(row.written_at_ms),
            "updated_at": instant(row.changed_at_ms),
        }
    )


def flagged_shape(row: ReviewRow) -> dict[str, Any]:
    """A review for staff."""
    return with_data({**review_shape(row)["data"], "flags": row.flags, "flag_reason": row.flag_reason})


def with_data(shape: Mapping[str, Any]) -> dict[str, Any]:
    return {**shape, "data": shape}
