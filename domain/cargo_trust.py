"""How a cargo's trust level moves: up by scan, use and review, down by findings, failures and a low reputation.

Pure rules over the cargo's state, called by `domain.cargo` and `domain.cargo_reputation`; `missing` is also what
`archipelago cargo trust` tells a publisher. A level never rises above the one that the manifest asks for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from domain.cargo_commands import RecordScan, ReviewCargo, SubmitForReview
from domain.cargo_events import (
    CargoEnabled,
    CargoEvent,
    CargoReviewed,
    CargoScanned,
    CargoSubmittedForReview,
    TrustLevelChanged,
    TrustReason,
)
from domain.cargo_state import Cargo, Review, Scan, review_of, scan_of
from domain.ids import CargoSlug
from domain.publisher import PublisherTier
from domain.rejection import Rejected, Rejection
from domain.reputation import REPUTATION_START_MILLI, Standing

TRUST_RULES_VERSION: Final = 1
COMMUNITY_LEVEL: Final = 1
VERIFIED_LEVEL: Final = 2
OFFICIAL_LEVEL: Final = 3

RISE_JOBS_MIN: Final = 100
RISE_SUCCESS_ABOVE_PERCENT: Final = 95
FALL_SUCCESS_BELOW_PERCENT: Final = 80
FALL_REPUTATION_BELOW_MILLI: Final = REPUTATION_START_MILLI
FALL_RUNS_MIN: Final = 20
"""Runs before success or reputation take a level away: one early failure says little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustCase:
    """All that a level rests on. `scan` and `review` are those of the artifact that runs now, else None."""

    trust_level: int
    asked_level: int
    is_first_party: bool
    publisher_tier: PublisherTier
    standing: Standing
    scan: Scan | None
    review: Review | None


def case_of(cargo: Cargo, tier: PublisherTier, *, scan: Scan | None, review: Review | None) -> TrustCase:
    assert cargo.latest is not None
    digest = cargo.latest.spec.artifact_digest
    return TrustCase(
        trust_level=cargo.trust_level,
        asked_level=cargo.latest.spec.trust_level,
        is_first_party=cargo.is_first_party,
        publisher_tier=tier,
        standing=cargo.standing,
        scan=scan if scan and scan.artifact_digest == digest else None,
        review=review if review and review.artifact_digest == digest else None,
    )


def earned_level(case: TrustCase) -> int:
    """The level that the case allows, whatever the present one is."""
    if case.review is not None and case.review.is_passed:
        earned = OFFICIAL_LEVEL if case.is_first_party else VERIFIED_LEVEL
    else:
        earned = 0 if any(missing_for_community(case)) else COMMUNITY_LEVEL
    return min(earned, case.asked_level)


def missing(case: TrustCase) -> tuple[str, ...]:
    """What the cargo still needs for its next level, as phrases for a person; nothing at the highest it can have."""
    wanted = case.trust_level + 1
    if case.trust_level >= case.asked_level:
        return (
            ()
            if case.trust_level == OFFICIAL_LEVEL
            else (f"a version whose manifest asks for level {wanted}",)
        )
    if wanted == COMMUNITY_LEVEL:
        return tuple(missing_for_community(case))
    if wanted == OFFICIAL_LEVEL and not case.is_first_party:
        return ("publication by the operator of the network",)
    return ("a review by staff that passes and names a signature",)


def missing_for_community(case: TrustCase) -> Iterator[str]:
    standing = case.standing
    if case.scan is None:
        yield "a scan of the present artifact"
    elif not case.scan.is_passed:
        yield "a scan without critical and high findings"
    if standing.runs < RISE_JOBS_MIN:
        yield f"{RISE_JOBS_MIN} jobs; {standing.runs} are counted"
    if not is_success_above(standing, RISE_SUCCESS_ABOVE_PERCENT):
        share = f"{standing.succeeded} of {standing.runs} runs"
        yield f"more than {RISE_SUCCESS_ABOVE_PERCENT} % success; {share} succeeded"
    if standing.reputation_milli < FALL_REPUTATION_BELOW_MILLI:
        yield f"a reputation of {FALL_REPUTATION_BELOW_MILLI / 1000:.1f}"
    if not case.publisher_tier.is_verified and not case.is_first_party:
        yield "a verified publisher"


def is_success_above(standing: Standing, percent: int) -> bool:
    return standing.succeeded * 100 > percent * standing.runs


def risen(slug: CargoSlug, case: TrustCase, evidence: tuple[str, ...], now_ms: int) -> list[CargoEvent]:
    """The rise that the case allows, if any."""
    earned = earned_level(case)
    if earned <= case.trust_level:
        return []
    reason = TrustReason.EARNED if earned == COMMUNITY_LEVEL else TrustReason.REVIEWED
    return [level_changed(slug, (case.trust_level, earned), reason, evidence, now_ms)]


def fallen(
    slug: CargoSlug, cargo: Cargo, standing: Standing, evidence: tuple[str, ...], now_ms: int
) -> list[CargoEvent]:
    """The fall that a new standing brings, if any: to 0 for failures, else by one for a reputation below 1.0."""
    if not cargo.trust_level or standing.runs < FALL_RUNS_MIN:
        return []
    if standing.succeeded * 100 < FALL_SUCCESS_BELOW_PERCENT * standing.runs:
        return [level_changed(slug, (cargo.trust_level, 0), TrustReason.SUCCESS_LOW, evidence, now_ms)]
    if standing.reputation_milli < FALL_REPUTATION_BELOW_MILLI and not cargo.is_poor:
        levels = (cargo.trust_level, cargo.trust_level - 1)
        return [level_changed(slug, levels, TrustReason.REPUTATION_LOW, evidence, now_ms)]
    return []


def level_changed(
    slug: CargoSlug, levels: tuple[int, int], reason: TrustReason, evidence: tuple[str, ...], now_ms: int
) -> TrustLevelChanged:
    """`levels` are the old one and the new one."""
    old, new = levels
    return TrustLevelChanged(
        slug=slug,
        from_level=old,
        to_level=new,
        reason=reason,
        evidence=evidence,
        trust_rules_version=TRUST_RULES_VERSION,
        changed_at_ms=now_ms,
    )


def record_scan(cargo: Cargo, command: RecordScan) -> list[CargoEvent]:
    assert cargo.latest is not None
    if cargo.scan is not None and cargo.scan.scan_id == command.scan_id:
        return []
    if command.artifact_digest not in {version.spec.artifact_digest for version in cargo.versions.values()}:
        raise Rejected(
            Rejection.ARTIFACT_UNKNOWN, f"artifact_digest: no version of {command.slug} has this artifact"
        )
    scanned = CargoScanned(
        slug=command.slug,
        scan_id=command.scan_id,
        artifact_digest=command.artifact_digest,
        scanner=command.scanner,
        critical=command.critical,
        high=command.high,
        medium=command.medium,
        low=command.low,
        scanned_at_ms=command.now_ms,
    )
    if command.artifact_digest != cargo.latest.spec.artifact_digest:
        return [scanned]
    return [scanned, *after_scan(cargo, scanned, command.publisher_tier)]


def after_scan(cargo: Cargo, scanned: CargoScanned, tier: PublisherTier) -> list[CargoEvent]:
    scan = scan_of(scanned)
    evidence = (f"scan {scan.scan_id}",)
    now_ms = scanned.scanned_at_ms
    if scan.is_passed:
        case = case_of(cargo, tier, scan=scan, review=cargo.review)
        return risen(scanned.slug, case, evidence, now_ms)
    if not cargo.trust_level:
        return []
    return [level_changed(scanned.slug, (cargo.trust_level, 0), TrustReason.FINDINGS, evidence, now_ms)]


def submit_for_review(cargo: Cargo, command: SubmitForReview) -> list[CargoEvent]:
    assert cargo.latest is not None
    if command.account_id != cargo.publisher_id:
        raise Rejected(Rejection.PUBLISHER_DIFFERS, f"slug: {command.slug} belongs to another publisher")
    if cargo.awaits_review:
        return []
    return [
        CargoSubmittedForReview(
            slug=command.slug,
            artifact_digest=cargo.latest.spec.artifact_digest,
            submitted_at_ms=command.now_ms,
        )
    ]


def review(cargo: Cargo, command: ReviewCargo) -> list[CargoEvent]:
    """A review that passes enables again what complaints or reputation disabled; what was killed needs an operator."""
    assert cargo.latest is not None
    if cargo.review is not None and cargo.review.review_id == command.review_id:
        return []
    if command.is_passed and command.signature_digest is None:
        raise Rejected(
            Rejection.SIGNATURE_MISSING, "signature_digest: a review that passes names the signature it saw"
        )
    reviewed = CargoReviewed(
        slug=command.slug,
        review_id=command.review_id,
        artifact_digest=cargo.latest.spec.artifact_digest,
        is_passed=command.is_passed,
        signature_digest=command.signature_digest,
        note=command.note,
        reviewed_at_ms=command.now_ms,
    )
    enabled: list[CargoEvent] = []
    if command.is_passed and cargo.is_disabled and not cargo.is_killed:
        enabled = [CargoEnabled(slug=command.slug, enabled_at_ms=command.now_ms)]
    case = case_of(cargo, command.publisher_tier, scan=cargo.scan, review=review_of(reviewed))
    evidence = (f"review {command.review_id}",)
    return [reviewed, *enabled, *risen(command.slug, case, evidence, command.now_ms)]
