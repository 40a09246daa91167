"""What a cargo remembers of its own past: only what a decision needs. `evolve` has no rules and cannot fail."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from domain.cargo_events import (
    CargoDisabled,
    CargoEnabled,
    CargoEvent,
    CargoPublished,
    CargoRated,
    CargoReviewed,
    CargoScanned,
    CargoSubmittedForReview,
    ComplaintFiled,
    IncidentRecorded,
    ReputationChanged,
    TrustLevelChanged,
    TrustReason,
)
from domain.cargo_spec import CargoSpec, CargoVersion
from domain.ids import AccountId, JobId
from domain.reputation import REPUTATION_START_MILLI, Standing, with_complaint, with_rating, with_tally
from domain.seen_ids import SeenIds
from domain.trust import capped

COMPLAINT_WINDOW_MS: Final = 7 * 24 * 3_600_000
COMPLAINTS_KEPT_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    account_id: AccountId
    job_id: JobId
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    scan_id: str
    artifact_digest: str
    critical: int
    high: int

    @property
    def is_passed(self) -> bool:
        return not self.critical and not self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    review_id: str
    artifact_digest: str
    is_passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cargo:
    """`trust_level` is the present one. `scan` is the last, `review` the last since the level last fell.

    `complaints` are those of seven days and since the last review, at most `COMPLAINTS_KEPT_MAX`. `is_poor`: the level
    has gone down for a reputation that has not recovered yet.
    """

    publisher_id: AccountId | None = None
    versions: Mapping[str, CargoVersion] = field(default_factory=dict)
    latest: CargoVersion | None = None
    is_disabled: bool = False
    is_killed: bool = False
    is_first_party: bool = False
    trust_level: int = 0
    standing: Standing = Standing()
    counted_through: int = 0
    is_poor: bool = False
    scan: Scan | None = None
    review: Review | None = None
    awaits_review: bool = False
    ratings: SeenIds = SeenIds()
    complaints: tuple[Complaint, ...] = ()
    incidents: SeenIds = SeenIds()


def evolve(cargo: Cargo, event: CargoEvent) -> Cargo:
    match event:
        case CargoPublished():
            return after_publication(cargo, event)
        case CargoDisabled():
            awaits_review = cargo.awaits_review or event.cause.needs_review
            return replace(cargo, is_disabled=True, is_killed=event.is_killed, awaits_review=awaits_review)
        case CargoEnabled():
            return replace(cargo, is_disabled=False, is_killed=False)
        case ReputationChanged():
            return after_reputation(cargo, event)
        case TrustLevelChanged():
            return after_level(cargo, event)
        case CargoScanned():
            return replace(cargo, scan=scan_of(event))
        case CargoSubmittedForReview():
            return replace(cargo, awaits_review=True)
        case CargoReviewed():
            return replace(cargo, review=review_of(event), awaits_review=False, complaints=())
        case CargoRated():
            return after_rating(cargo, event)
        case ComplaintFiled():
            return after_complaint(cargo, event)
        case IncidentRecorded():
            return replace(cargo, incidents=cargo.incidents.with_id(event.incident_id))
        case _:
            assert_never(event)


def after_publication(cargo: Cargo, event: CargoPublished) -> Cargo:
    spec = event.cargo.spec
    return replace(
        cargo,
        publisher_id=spec.publisher_id,
        versions={**cargo.versions, spec.version: event.cargo},
        latest=event.cargo,
        is_first_party=event.is_first_party,
        trust_level=spec.trust_level if event.trust_level is None else event.trust_level,
    )


def after_reputation(cargo: Cargo, event: ReputationChanged) -> Cargo:
    return replace(
        cargo,
        standing=with_tally(cargo.standing, event.tally, event.reputation_milli),
        counted_through=max(cargo.counted_through, event.counted_through),
        is_poor=cargo.is_poor and event.reputation_milli < REPUTATION_START_MILLI,
    )


def after_level(cargo: Cargo, event: TrustLevelChanged) -> Cargo:
    """A review that a level fell behind counts no more."""
    has_fallen = event.to_level < event.from_level
    return replace(
        cargo,
        trust_level=event.to_level,
        is_poor=cargo.is_poor or event.reason is TrustReason.REPUTATION_LOW,
        review=None if has_fallen else cargo.review,
    )


def after_rating(cargo: Cargo, event: CargoRated) -> Cargo:
    standing = with_rating(cargo.standing, event.stars, event.previous_stars)
    return replace(cargo, standing=standing, ratings=cargo.ratings.with_id(rating_id(event)))


def rating_id(event: CargoRated) -> str:
    """Which rating of which account."""
    return f"{event.account_id}/{event.revision}"


def after_complaint(cargo: Cargo, event: ComplaintFiled) -> Cargo:
    latest = Complaint(account_id=event.account_id, job_id=event.job_id, at_ms=event.filed_at_ms)
    kept = [*complaints_of_window(cargo, event.filed_at_ms), latest][-COMPLAINTS_KEPT_MAX:]
    return replace(cargo, standing=with_complaint(cargo.standing), complaints=tuple(kept))


def complaints_of_window(cargo: Cargo, now_ms: int) -> list[Complaint]:
    """Those of the last seven days, since the last review."""
    return [one for one in cargo.complaints if one.at_ms > now_ms - COMPLAINT_WINDOW_MS]


def scan_of(event: CargoScanned) -> Scan:
    return Scan(
        scan_id=event.scan_id,
        artifact_digest=event.artifact_digest,
        critical=event.critical,
        high=event.high,
    )


def review_of(event: CargoReviewed) -> Review:
    return Review(review_id=event.review_id, artifact_digest=event.artifact_digest, is_passed=event.is_passed)


def spec_to_run(spec: CargoSpec, trust_level: int) -> CargoSpec:
    """What a job submitted now runs: the version at the cargo's present level and inside that level's limits."""
    return replace(spec, trust_level=trust_level, limits=capped(spec.limits, trust_level))
