"""One example of everything that happens to a cargo's trust and reputation, and to its publisher.

Shared by the tests of cargos; each builder takes the fields that a test is about. What is published stands in
`tests.examples`.
"""

from collections.abc import Iterable
from typing import Any, Final

from domain import cargo_commands, cargo_events, publisher
from domain.cargo_trust import TRUST_RULES_VERSION
from domain.ids import AccountId, JobId
from domain.reputation import (
    REPUTATION_RULES_VERSION,
    Outcome,
    ReputationCause,
    Tally,
    UseEnd,
)
from tests.examples import CARGO, CARGO_VERSION, CUSTOMER, JOB_ID, PUBLISHER, SLUG, T0_MS, at_ms

SIGNATURE: Final = f"sha256:{'d' * 64}"


def published(**fields: Any) -> cargo_events.CargoPublished:
    known: dict[str, Any] = {"cargo": CARGO_VERSION, "published_at_ms": T0_MS, "trust_level": 0}
    return cargo_events.CargoPublished(**known | fields)


def use_end(position: int, outcome: Outcome = Outcome.SUCCEEDED, **fields: Any) -> UseEnd:
    known: dict[str, Any] = {
        "position": position,
        "index": 0,
        "job_id": JobId(f"job-{position}"),
        "outcome": outcome,
    }
    return UseEnd(**known | fields)


def ends(outcomes: Iterable[Outcome], *, behind: int = 0, worked_ms: int = 1_000) -> tuple[UseEnd, ...]:
    """Ends at the positions that follow `behind`."""
    return tuple(
        use_end(position, outcome, worked_ms=worked_ms)
        for position, outcome in enumerate(outcomes, start=behind + 1)
    )


def record_use(
    uses: tuple[UseEnd, ...], tier: publisher.PublisherTier = publisher.PublisherTier.INDIVIDUAL
) -> cargo_commands.RecordUse:
    return cargo_commands.RecordUse(slug=SLUG, ends=uses, publisher_tier=tier, now_ms=T0_MS)


def reputation_changed(**fields: Any) -> cargo_events.ReputationChanged:
    known: dict[str, Any] = {
        "slug": SLUG,
        "cause": ReputationCause.USE,
        "change_milli": 10,
        "reputation_milli": 1_010,
        "tally": Tally(succeeded=1, in_row=1, worked_ms=1_000),
        "counted_through": 7,
        "evidence": ("7.0",),
        "reputation_rules_version": REPUTATION_RULES_VERSION,
        "changed_at_ms": T0_MS,
    }
    return cargo_events.ReputationChanged(**known | fields)


def level_changed(from_level: int, to_level: int, **fields: Any) -> cargo_events.TrustLevelChanged:
    known: dict[str, Any] = {
        "slug": SLUG,
        "from_level": from_level,
        "to_level": to_level,
        "reason": cargo_events.TrustReason.EARNED,
        "evidence": ("scan s-1",),
        "trust_rules_version": TRUST_RULES_VERSION,
        "changed_at_ms": T0_MS,
    }
    return cargo_events.TrustLevelChanged(**known | fields)


def record_scan(**fields: Any) -> cargo_commands.RecordScan:
    known: dict[str, Any] = {
        "slug": SLUG,
        "scan_id": "s-1",
        "artifact_digest": CARGO.artifact_digest,
        "scanner": "scanner 1.0",
        "critical": 0,
        "high": 0,
        "medium": 2,
        "low": 5,
        "publisher_tier": publisher.PublisherTier.VERIFIED,
        "now_ms": T0_MS,
    }
    return cargo_commands.RecordScan(**known | fields)


def scanned(**fields: Any) -> cargo_events.CargoScanned:
    known: dict[str, Any] = {
        "slug": SLUG,
        "scan_id": "s-1",
        "artifact_digest": CARGO.artifact_digest,
        "scanner": "scanner 1.0",
        "critical": 0,
        "high": 0,
        "medium": 2,
        "low": 5,
        "scanned_at_ms": T0_MS,
    }
    return cargo_events.CargoScanned(**known | fields)


def review(**fields: Any) -> cargo_commands.ReviewCargo:
    known: dict[str, Any] = {
        "slug": SLUG,
        "review_id": "r-1",
        "is_passed": True,
        "signature_digest": SIGNATURE,
        "note": "reads well",
        "publisher_tier": publisher.PublisherTier.INDIVIDUAL,
        "now_ms": T0_MS,
    }
    return cargo_commands.ReviewCargo(**known | fields)


def reviewed(**fields: Any) -> cargo_events.CargoReviewed:
    known: dict[str, Any] = {
        "slug": SLUG,
        "review_id": "r-1",
        "artifact_digest": CARGO.artifact_digest,
        "is_passed": True,
        "signature_digest": SIGNATURE,
        "note": "reads well",
        "reviewed_at_ms": T0_MS,
    }
    return cargo_events.CargoReviewed(**known | fields)


def rate(
    stars: int, account_id: AccountId = CUSTOMER, *, instead_of: int = 0, revision: int = 1
) -> cargo_commands.RateCargo:
    return cargo_commands.RateCargo(
        slug=SLUG,
        account_id=account_id,
        job_id=JOB_ID,
        stars=stars,
        previous_stars=instead_of,
        revision=revision,
        now_ms=T0_MS,
    )


def complaint(
    account_id: AccountId = CUSTOMER, job_id: JobId | None = JOB_ID, seconds: float = 0
) -> cargo_commands.FileComplaint:
    return cargo_commands.FileComplaint(
        slug=SLUG, account_id=account_id, job_id=job_id, text="it lies", now_ms=at_ms(seconds)
    )


EVENTS: Final = (
    reputation_changed(),
    level_changed(0, 1),
    scanned(critical=1, high=2),
    cargo_events.CargoSubmittedForReview(
        slug=SLUG, artifact_digest=CARGO.artifact_digest, submitted_at_ms=T0_MS
    ),
    reviewed(),
    cargo_events.CargoRated(slug=SLUG, account_id=CUSTOMER, job_id=JOB_ID, stars=4, rated_at_ms=T0_MS),
    cargo_events.ComplaintFiled(
        slug=SLUG, account_id=CUSTOMER, job_id=JOB_ID, text="it lies", filed_at_ms=T0_MS
    ),
    cargo_events.IncidentRecorded(slug=SLUG, incident_id="i-1", note="data left", recorded_at_ms=T0_MS),
    publisher.PublisherTierGranted(
        account_id=PUBLISHER, tier=publisher.PublisherTier.VERIFIED, granted_at_ms=T0_MS
    ),
    publisher.SlugClaimed(account_id=PUBLISHER, slug=SLUG, claimed_at_ms=T0_MS),
    publisher.SlugReleased(account_id=PUBLISHER, slug=SLUG, released_at_ms=T0_MS),
)
"""One of each that came with trust and reputation, every field filled."""
