"""What happens to a cargo. Fields are storage format: add with a default, never rename, never change a meaning.

Decided in `domain.cargo`, stored under the literal names of `adapters.codec`. Times are Unix milliseconds of the
coordinator's clock. `evidence` names what a change rests on: the addresses `<position>.<index>` of events, or
`job <id>`, `scan <id>`, `review <id>`, `incident <id>`.
"""

from dataclasses import dataclass
from enum import StrEnum

from domain.cargo_spec import CargoVersion
from domain.ids import AccountId, CargoSlug, JobId
from domain.reputation import ReputationCause, Tally


class DisableCause(StrEnum):
    """Who or what disabled a cargo."""

    OPERATOR = "operator"  # An operator, for the reason that stands beside it.
    REPUTATION = "reputation"  # Its reputation fell below 0.5.
    COMPLAINTS = "complaints"  # 10 complaints in 7 days.

    @property
    def needs_review(self) -> bool:
        """Whether a review by staff enables the cargo again; what an operator disabled is the operator's to enable."""
        return self is not DisableCause.OPERATOR


class TrustReason(StrEnum):
    """Why a trust level moved."""

    EARNED = "earned"  # Scan, jobs, success and publisher allow level 1.
    REVIEWED = "reviewed"  # Staff reviewed it and named its signature.
    FINDINGS = "findings"  # A scan found something critical or high.
    SUCCESS_LOW = "success_low"  # Less than 80 % of its runs succeeded.
    REPUTATION_LOW = "reputation_low"  # Its reputation fell below 1.0.
    NEW_ARTIFACT = "new_artifact"  # Nobody has looked at what runs from now on.


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoPublished:
    """`trust_level` is the cargo's level from then on; None where levels did not move yet: as the manifest asks."""

    cargo: CargoVersion
    published_at_ms: int
    trust_level: int | None = None
    is_first_party: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoDisabled:
    """No job is taken any more. `is_killed`: also waiting and running jobs end, and nobody is charged for them."""

    slug: CargoSlug
    reason: str
    disabled_at_ms: int
    is_killed: bool = False
    cause: DisableCause = DisableCause.OPERATOR
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoEnabled:
    slug: CargoSlug
    enabled_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReputationChanged:
    """`counted_through` is the position of the last end in `tally`, and every end up to it is counted."""

    slug: CargoSlug
    cause: ReputationCause
    change_milli: int
    reputation_milli: int
    tally: Tally
    counted_through: int
    evidence: tuple[str, ...]
    reputation_rules_version: int
    changed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustLevelChanged:
    slug: CargoSlug
    from_level: int
    to_level: int
    reason: TrustReason
    evidence: tuple[str, ...]
    trust_rules_version: int
    changed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoScanned:
    """What a scanner found in one artifact, counted by severity."""

    slug: CargoSlug
    scan_id: str
    artifact_digest: str
    scanner: str
    critical: int
    high: int
    medium: int
    low: int
    scanned_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoSubmittedForReview:
    slug: CargoSlug
    artifact_digest: str
    submitted_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoReviewed:
    """`signature_digest` names the signature that staff saw over the artifact; None where it did not pass."""

    slug: CargoSlug
    review_id: str
    artifact_digest: str
    is_passed: bool
    signature_digest: str | None
    note: str
    reviewed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoRated:
    """`stars` count instead of `previous_stars`, 0 is none. `revision` is that of the account's review."""

    slug: CargoSlug
    account_id: AccountId
    job_id: JobId
    stars: int
    rated_at_ms: int
    previous_stars: int = 0
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintFiled:
    slug: CargoSlug
    account_id: AccountId
    job_id: JobId
    text: str
    filed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRecorded:
    """A critical incident, such as data that left the sandbox."""

    slug: CargoSlug
    incident_id: str
    note: str
    recorded_at_ms: int


CargoEvent = (
    CargoPublished
    | CargoDisabled
    | CargoEnabled
    | ReputationChanged
    | TrustLevelChanged
    | CargoScanned
    | CargoSubmittedForReview
    | CargoReviewed
    | CargoRated
    | ComplaintFiled
    | IncidentRecorded
)
