"""What may be asked of a cargo. Every id and every instant arrives from outside; `domain.cargo` decides.

`publisher_tier` is the publisher's present tier, from its own aggregate.
"""

from dataclasses import dataclass

from domain.cargo_spec import CargoVersion
from domain.ids import AccountId, CargoSlug, JobId
from domain.publisher import PublisherTier
from domain.reputation import UseEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishCargo:
    """`is_first_party`: the operator of the network publishes it, at the level that the manifest asks for."""

    cargo: CargoVersion
    now_ms: int
    is_first_party: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DisableCargo:
    """`is_killed` ends waiting and running jobs too."""

    slug: CargoSlug
    reason: str
    now_ms: int
    is_killed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EnableCargo:
    slug: CargoSlug
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordUse:
    """Jobs of the cargo that ended, in the order of the log, none left out. What was counted before is passed over."""

    slug: CargoSlug
    ends: tuple[UseEnd, ...]
    publisher_tier: PublisherTier
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCargo:
    """What `commands.processes.rating` asks for: `stars` of a review count instead of `previous_stars`; 0 is none.

    `revision` counts the ratings of this account's review, so that each is counted once.
    """

    slug: CargoSlug
    account_id: AccountId
    job_id: JobId
    stars: int
    previous_stars: int
    revision: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileComplaint:
    """`job_id` is a job of this account that ran the cargo, None where there is none."""

    slug: CargoSlug
    account_id: AccountId
    job_id: JobId | None
    text: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordIncident:
    slug: CargoSlug
    incident_id: str
    note: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordScan:
    slug: CargoSlug
    scan_id: str
    artifact_digest: str
    scanner: str
    critical: int
    high: int
    medium: int
    low: int
    publisher_tier: PublisherTier
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitForReview:
    slug: CargoSlug
    account_id: AccountId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCargo:
    slug: CargoSlug
    review_id: str
    is_passed: bool
    signature_digest: str | None
    note: str
    publisher_tier: PublisherTier
    now_ms: int


CargoCommand = (
    PublishCargo
    | DisableCargo
    | EnableCargo
    | RecordUse
    | RateCargo
    | FileComplaint
    | RecordIncident
    | RecordScan
    | SubmitForReview
    | ReviewCargo
)
