"""Answers about the marketplace: cargos on the shelf, their reviews, and what publishers hand in."""

from typing import NotRequired

from typing_extensions import TypedDict

from api.schemas.cargo import Needs, Pricing
from api.schemas.fields import Credits, Digest, Instant, JsonValue
from api.schemas.forms import Message
from domain.cargo_spec import Determinism, Runtime
from domain.pricing import PriceUnit
from domain.reputation import Band
from domain.submission import ScanStatus, SubmissionStatus


class Card(TypedDict):
    """A cargo on the shelf. `total_jobs` are the runs of customers."""

    id: int
    slug: str
    name: str
    tagline: str
    category: str
    tags: list[str]
    icon_url: NotRequired[str]
    runtime_type: Runtime
    pricing: Pricing
    price_unit: PriceUnit
    requirements: Needs
    average_rating: float
    review_count: int
    total_jobs: int
    trust_level: int
    reputation: float


class Developer(TypedDict):
    """Who publishes it, by the public number of the account."""

    id: NotRequired[int]
    first_party: bool


class RunStats(TypedDict):
    """How its runs went. Percentage and mean are left out before the first run."""

    succeeded: int
    failed: int
    timed_out: int
    cancelled: int
    success_rate_percent: NotRequired[float]
    average_run_ms: NotRequired[int]
    complaints: int
    band: Band


class Listing(Card):
    """Everything about one cargo."""

    version: str
    description: str
    readme: str
    screenshots: list[str]
    input_schema: JsonValue
    output_schema: JsonValue
    developer: Developer
    stats: RunStats
    published_at: Instant


class CategoryCount(TypedDict):
    """A category and how many cargos it has."""

    slug: str
    name: str
    description: str
    workload_count: int


class CategoryList(TypedDict):
    """The categories that have a cargo."""

    categories: list[CategoryCount]
    count: int
    data: list[CategoryCount]


class CustomerReview(TypedDict):
    """What a customer says. Who it was is not told."""

    id: int
    workload: str
    rating: int
    title: str
    comment: str
    helpful_count: int
    not_helpful_count: int
    verified_purchase: bool
    created_at: Instant
    updated_at: Instant


class FlaggedReview(CustomerReview):
    """A review that readers flagged."""

    flags: int
    flag_reason: str


class ReviewVotes(TypedDict):
    """How a review was voted on. `counted` is false where this account had voted before."""

    id: int
    helpful_count: int
    not_helpful_count: int
    counted: bool


class Security(TypedDict):
    """What a scanner of the operator's said."""

    scan_status: ScanStatus
    vulnerabilities: int
    image_digest: NotRequired[str]
    last_scan_at: Instant


class Submission(TypedDict):
    """A cargo that is to go on the marketplace. One price is there, under its unit."""

    id: str
    status: SubmissionStatus
    reason: NotRequired[str]
    slug: str
    version: str
    name: str
    tagline: str
    category: str
    description: str
    readme: str
    tags: list[str]
    icon_url: NotRequired[str]
    screenshots: list[str]
    runtime_type: Runtime
    container_image: NotRequired[str]
    wasm_hash: NotRequired[Digest]
    wasm_url: NotRequired[str]
    model_hash: NotRequired[Digest]
    model_url: NotRequired[str]
    input_schema: JsonValue
    output_schema: JsonValue
    required_cpu_cores: int
    required_ram_mb: int
    required_vram_mb: int
    required_disk_mb: int
    determinism: Determinism
    trust_level: int
    price_per_job: NotRequired[Credits]
    price_per_second: NotRequired[Credits]
    price_per_token: NotRequired[Credits]
    price_per_million_fuel: NotRequired[Credits]
    security: NotRequired[Security]
    created_at: Instant
    updated_at: Instant
    submitted_at: NotRequired[Instant]


class WithdrawnSubmission(Message, Submission):
    """A submission that was taken back."""

    data: Submission


class OwnedSubmission(Submission):
    """A submission as staff see it."""

    account_id: str


class SubmissionDecision(Message):
    """What staff decided. `workload_enabled` is left out before the cargo is published."""

    id: str
    status: SubmissionStatus
    slug: str
    workload_enabled: NotRequired[bool]


class RecordedScan(Message):
    """A scan that was recorded."""

    security: Security


class OverseenWorkload(TypedDict):
    """A cargo as operators see it. `approved` is false while it waits for a review."""

    id: int
    slug: str
    name: str
    version: str
    runtime_type: Runtime
    wasm_url: NotRequired[str]
    artifact_digest: Digest
    required_cpu_cores: int
    required_ram_mb: int
    required_vram_mb: int
    trust_level: int
    enabled: bool
    killed: bool
    disabled_reason: NotRequired[str]
    approved: bool
    account_id: str
    published_at: Instant
