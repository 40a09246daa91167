"""Answers about why an island gets the jobs and the karma it gets, and how the fleet stood in the past."""

from typing import NotRequired

from typing_extensions import TypedDict

from api.schemas.account import Standpoint
from api.schemas.fields import Credits, Digest, EventAddress, Instant, Position
from domain.placement import Refusal


class CauseTotals(TypedDict):
    """What one cause has moved in all."""

    count: int
    total_delta: int
    total_minutes: int


class KarmaFacts(TypedDict):
    """Karma, and the way to payouts: hours are of work at the multiplier of newcomers."""

    host_id: str
    karma: int
    pending_minutes: int
    total_compute_minutes: int
    total_compute_hours: float
    can_monetize: bool
    karma_deficit: int
    hours_until_monetization: float
    events_by_type: dict[str, CauseTotals]


class KarmaTerm(TypedDict):
    """What karma is made of: all terms add up to it."""

    cause: str
    delta: int
    count: int
    job_ids: list[str]


class Karma(KarmaFacts):
    """An island's karma as of a moment."""

    terms: list[KarmaTerm]
    as_of: Standpoint
    data: KarmaFacts


class KarmaChangeFacts(TypedDict):
    """A change of karma; `id` is where its event stands in the log."""

    id: EventAddress
    event_type: str
    delta: int
    balance_after: int
    compute_minutes: int
    was_monetizing: bool
    job_id: NotRequired[str]
    reason: str
    created_at: Instant
    rules_version: int


class KarmaChange(KarmaChangeFacts):
    """The same with its form for SDKs."""

    data: KarmaChangeFacts


class RefusalExample(TypedDict):
    """The newest job that a rule kept away. It names no job: that is its customer's."""

    workload: str
    at: Instant
    position: Position


class IdleRefusal(TypedDict):
    """A rule that kept jobs away, and how many."""

    code: Refusal
    count: int
    example: RefusalExample


class Rival(TypedDict):
    """Who won instead, how often, by which term of the score mostly, and by how many points."""

    name: str
    count: int
    term: str
    points: float


class IdlePrice(TypedDict):
    """Jobs that only the ask kept away; `considered` of them would have looked at the island at `suggested_ask`."""

    ask: Credits
    above_bid: int
    considered: int
    suggested_ask: NotRequired[Credits]


class Idleness(TypedDict):
    """What was decided about an island in the last hours. `price` is null where the ask kept nothing away."""

    host_id: str
    since: Instant
    until: Instant
    decided: int
    won: int
    outscored: int
    refused: int
    offline_percent: int
    trust_level_min: int
    refusals: list[IdleRefusal]
    lost_to: list[Rival]
    price: IdlePrice | None


class Offer(TypedDict):
    """An island as placing saw it. Names are not told: people choose them."""

    host_id: str
    owner_id: NotRequired[str]
    approved: bool
    online: bool
    draining: bool
    suspended: bool
    cooldown_until: NotRequired[Instant]
    platform: str
    region: NotRequired[str]
    cpu_cores: int
    ram_mb: int
    disk_free_mb: int
    gpu_vram_mb: int
    slots: int
    active_jobs: list[str]
    karma: int
    trust_level_min: int
    runtimes: dict[str, int]
    asks: dict[str, Credits]
    warm: list[str]


class Recommendation(TypedDict):
    """A cargo that jobs wait for. `type`: model, or the runtime of what is no model."""

    type: str
    workload_slug: str
    runtime_type: str
    wasm_url: NotRequired[str]
    wasm_hash: NotRequired[Digest]
    estimated_earnings_per_job: NotRequired[Credits]
    queued_demand: NotRequired[int]
    demand_score: NotRequired[int]
    priority: NotRequired[str]


class Recommendations(TypedDict):
    """Cargos that an island would do well to have at hand."""

    recommendations: list[Recommendation]
    data: list[Recommendation]
