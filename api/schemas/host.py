"""Answers about islands, which clients know as hosts: what they are, how they join, what operators decide."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from api.schemas.fields import Credits, Instant, Position
from api.schemas.forms import Message
from domain.island_state import Membership
from projections.placement import IslandStatus

HostStatus = Literal["online", "offline", "suspended", "pending"]


class HostCapabilities(TypedDict):
    """What a machine has; `scores` is its speed by runtime."""

    runtimes: list[str]
    scores: dict[str, int]
    cpu_cores: int
    ram_mb: int
    disk_free_mb: int
    gpu_model: NotRequired[str]
    gpu_vram_mb: NotRequired[int]
    slots: int
    platform: str


class HostData(TypedDict):
    """The island as SDKs read it."""

    id: str
    name: str
    status: HostStatus
    region: str
    capabilities: HostCapabilities
    karma_score: int
    last_heartbeat_at: NotRequired[Instant]


class Host(TypedDict):
    """An island. `status` is one of the four words that clients know, `standing` is exact."""

    id: str
    name: str
    status: HostStatus
    standing: IslandStatus
    suspended_reason: NotRequired[str]
    suspended_at: NotRequired[Instant]
    capabilities_verified: bool
    capabilities_verified_at: NotRequired[Instant]
    signed: bool
    region: str
    platform: str
    agent_version: str
    gpu_model: NotRequired[str]
    gpu_vram_mb: NotRequired[int]
    cpu_cores: int
    ram_mb: int
    slots: int
    runtimes: list[str]
    draining: bool
    drain_ordered: bool
    active_jobs: int
    jobs_completed: int
    jobs_failed: int
    karma: int
    karma_pending_minutes: int
    can_monetize: bool
    total_compute_minutes: int
    reputation_score: int
    asking_prices: dict[str, Credits]
    warm_workloads: list[str]
    enrolled_at: Instant
    last_heartbeat_at: NotRequired[Instant]
    position: Position
    data: HostData


class OwnedHost(Host):
    """An island as operators see it."""

    owner_id: NotRequired[str]
    verification_notes: NotRequired[str]


class HostName(TypedDict):
    """An island under its new name."""

    host_id: str
    name: str


class HostRemoved(Message):
    """An island that is gone."""

    host_id: str


class BarredHost(TypedDict):
    """An island after an operator's decision."""

    host_id: str
    name: str
    membership: Membership
    suspended: bool


class HostTicketFacts(TypedDict):
    """User and password of an island that knows only those, also as one URL. Shown once."""

    host_id: str
    island_id: str
    name: str
    url: str
    user: str
    password: str


class HostTicket(Message, HostTicketFacts):
    """The same with its form for SDKs."""

    data: HostTicketFacts


class Nonce(TypedDict):
    """A text to sign, and how long it counts."""

    nonce: str
    expires_in_seconds: int


class Admission(TypedDict):
    """What an island needs to reach the fabric; `expires_at_s` is Unix seconds."""

    host_id: str
    name: str
    status: Literal["paired", "pending"]
    nats_url: str
    user_jwt: str
    expires_at_s: int
    pair_url: NotRequired[str]


class Pairing(TypedDict):
    """An island that has an owner now."""

    host_id: str
    name: str
    status: Literal["paired"]


class AgentUpdate(TypedDict):
    """Whether there is a newer release of the island program, and where."""

    update_available: bool
    current_version: str
    latest_version: NotRequired[str]
    is_critical: NotRequired[bool]
    download_url: NotRequired[str]
    signature: NotRequired[str]
    checksum_sha256: NotRequired[str]
    size_bytes: NotRequired[int]
    release_notes: NotRequired[str]


class PublishedRelease(TypedDict):
    """A release that was published. `is_newest` is false where a later version was published before."""

    version: str
    platform: str
    download_url: str
    signature: str
    checksum_sha256: str
    size_bytes: int
    is_critical: bool
    release_notes: str
    is_newest: bool
