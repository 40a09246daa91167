"""Answers about cargos, which clients know as workloads: what they are, and how far they are trusted."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from api.schemas.account import Standpoint
from api.schemas.fields import Credits, Digest, Instant, JsonValue, Position
from domain.cargo_spec import Determinism, Runtime
from domain.pricing import PriceUnit
from domain.publisher import PublisherTier
from domain.reputation import Band


class Needs(TypedDict):
    """What an island must have; what is not asked for is left out."""

    vram_mb: NotRequired[int]
    ram_mb: NotRequired[int]
    cpu_cores: NotRequired[int]


class Pricing(TypedDict):
    """The default price under its unit, 0 under the others."""

    per_job: Credits
    per_second: Credits
    per_token: Credits
    per_million_fuel: Credits


class WorkloadData(TypedDict):
    """The cargo as SDKs read it; the Python SDK knows the runtimes `wasm` and `container` alone."""

    id: int
    name: str
    slug: str
    description: str
    runtime_type: Runtime
    price_per_job: float
    required_vram_mb: NotRequired[int]
    required_ram_mb: NotRequired[int]
    is_enabled: bool


class Workload(TypedDict):
    """A cargo in its latest version."""

    slug: str
    name: str
    description: str
    version: str
    runtime_type: Runtime
    requirements: Needs
    pricing: Pricing
    price_unit: PriceUnit
    enabled: bool
    disabled_reason: NotRequired[str]
    trust_level: int
    asked_trust_level: int
    reputation: float
    band: Band
    determinism: Determinism
    artifact_digest: Digest
    published_at: Instant
    input_schema: JsonValue
    output_schema: JsonValue
    position: Position
    data: WorkloadData


class PublishedVersion(TypedDict):
    """A version that was published, and the level at which it begins."""

    slug: str
    version: str
    artifact_digest: Digest
    trust_level: int


class CargoStanding(TypedDict):
    """How a cargo stands after a decision. `counted` is false where it was so already."""

    slug: str
    counted: bool
    trust_level: int
    reputation: float
    enabled: bool
    killed: bool
    awaits_review: bool


class CountedRuns(TypedDict):
    """What reputation and trust rest on."""

    succeeded: int
    failed: int
    timed_out: int
    cancelled: int
    successes_in_row: int
    ratings: int
    positive_ratings: int
    complaints: int


class TrustChange(TypedDict):
    """A change of level or reputation, in words, with what it rests on."""

    position: Position
    index: int
    at: Instant
    what: str
    evidence: list[str]


class TrustFacts(TypedDict):
    """Why a cargo stands where it stands. `missing` are conditions of the next level; the newest change comes first."""

    slug: str
    version: str
    artifact_digest: Digest
    trust_level: int
    asked_trust_level: int
    sandbox_tier: Literal["restricted", "standard", "elevated"]
    first_party: bool
    enabled: bool
    killed: bool
    awaits_review: bool
    publisher_tier: PublisherTier
    missing: list[str]
    reputation: float
    band: Band
    score: float
    counted: CountedRuns
    history: list[TrustChange]


class Trust(TrustFacts):
    """The same with its form for SDKs; `as_of` is there where a moment was asked for."""

    as_of: NotRequired[Standpoint]
    data: TrustFacts


class CargoToReviewFacts(TypedDict):
    """A cargo that waits for staff."""

    slug: str
    version: str
    artifact_digest: Digest
    publisher_id: str
    trust_level: int
    asked_trust_level: int
    waits_since: NotRequired[Instant]
    disabled_reason: NotRequired[str]


class CargoToReview(CargoToReviewFacts):
    """The same with its form for SDKs."""

    data: CargoToReviewFacts


class PublisherStanding(TypedDict):
    """How a publisher stands. `cargos_max` is left out where there is no bound."""

    account_id: str
    tier: PublisherTier
    cargos: int
    cargos_max: NotRequired[int]


class StoredArtifact(TypedDict):
    """An artifact that was stored."""

    digest: Digest
    size_bytes: int
