"""The messages between coordinator and islands, as they are on the wire: UTF-8 JSON objects.

Used by both sides, so one definition cannot disagree with itself.
Unknown fields are ignored and absent means none, as the published island does it. Nothing here judges: what an
island says is turned into a claim by `adapters.claim_codec`.
"""

from typing import Any, Final

import msgspec

PROTOCOL: Final = 2
CHUNK_BYTES_MAX: Final = 32 * 1024
MESSAGE_BYTES_MAX: Final = 64 * 1024
ASSIGNMENT_BYTES_MAX: Final = 512 * 1024
ALREADY_PAIRED: Final = "already paired"
SUSPENDED: Final = "suspended"


class WireCapabilities(msgspec.Struct, kw_only=True, omit_defaults=True):
    gpu_model: str | None = None
    gpu_vram_mb: int | None = None
    cpu_cores: int
    ram_mb: int
    region: str | None = None


class WireSelfTest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A runtime's start-up test. Only a runtime that passed is offered; `score` is its measured speed."""

    runtime: str
    engine: str
    engine_version: str
    passed: bool
    score: int = 0
    detail: str | None = None


class WirePolicy(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the owner takes: no cargo below this trust level, only categories that are allowed where any are named, and
    none that is refused.
    """

    trust_level_min: int = 0
    categories_allowed: list[str] = []
    categories_refused: list[str] = []


class RegisterHost(msgspec.Struct, kw_only=True, omit_defaults=True):
    host_id: str
    version: str
    capabilities: WireCapabilities
    protocol: int = 1
    name: str | None = None
    platform: str | None = None
    disk_free_mb: int | None = None
    supported_runtimes: list[str] = []
    asking_prices: dict[str, str] = {}
    self_tests: list[WireSelfTest] = []
    slots: int | None = None
    policy: WirePolicy | None = None


class WireCache(msgspec.Struct, kw_only=True, omit_defaults=True):
    cached_image_count: int = 0
    cached_size_mb: int = 0
    warm_workload_count: int = 0
    warm_workload_ids: list[str] = []


class WireAttempt(msgspec.Struct, kw_only=True, omit_defaults=True):
    job_id: str
    attempt: int
    state: str


class WireEstimates(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a daemon of the first dialect says of itself in heartbeats. The rest of it is not read."""

    supported_runtimes: list[str] = []
    gpu_bandwidth_gb_s: float | None = None
    supported_quantization_formats: list[str] | None = None


class WireSystem(msgspec.Struct, kw_only=True, omit_defaults=True):
    cpu_percent: float = 0.0
    memory_used_mb: int = 0
    memory_total_mb: int = 0
    disk_used_gb: int = 0
    disk_total_gb: int = 0


class HostHeartbeat(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`status`: online, draining or offline (goodbye)."""

    host_id: str
    agent_version: str
    status: str
    active_jobs: int
    timestamp: int
    system: WireSystem | None = None
    cache: WireCache | None = None
    performance_estimates: WireEstimates | None = None
    asking_prices: dict[str, str] = {}
    protocol: int = 1
    free_slots: int | None = None
    attempts: list[WireAttempt] = []


class WireUsage(msgspec.Struct, kw_only=True, omit_defaults=True):
    wall_ms: int = 0
    cpu_ms: int | None = None
    memory_peak_mb: int | None = None
    fuel: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class JobStatus(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`job_id` is the wire id. `state`: started, streaming, succeeded, failed, cancelled, refused or returned."""

    job_id: str
    state: str
    timestamp: int
    attempt: int | None = None
    error: str | None = None
    code: str | None = None
    fault: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    count: int | None = None
    digest: str | None = None
    usage: WireUsage | None = None


class JobOutput(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One chunk; `seq` counts from 1. The final message carries an empty chunk, `count` = its own seq - 1 (the number
    of chunks before it) and the SHA-256 over the chunks in order.
    """

    job_id: str
    seq: int
    chunk: str = ""
    is_final: bool = False
    attempt: int | None = None
    count: int | None = None
    digest: str | None = None
    usage: WireUsage | None = None
    result_type: str | None = None


class JobProgress(msgspec.Struct, kw_only=True, omit_defaults=True):
    job_id: str
    step: int
    total: int
    attempt: int | None = None


class LeaseRenewal(msgspec.Struct, kw_only=True, omit_defaults=True):
    job_id: str
    extend_seconds: int = 60
    attempt: int | None = None


class WireCargo(msgspec.Struct, kw_only=True, omit_defaults=True):
    slug: str
    version: str
    digest: str
    determinism: str
    category: str = ""


class WireLimits(msgspec.Struct, kw_only=True, omit_defaults=True):
    memory_mb: int
    cpus: int
    pids: int
    tmpfs_mb: int
    output_bytes: int
    fuel: int


class AssignJob(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An attempt for an island. `input` is the job's input as it was submitted, byte for byte."""

    job_id: str
    input: msgspec.Raw
    lease_expires: int
    workload_id: str
    runtime_type: str
    wasm_url: str | None = None
    wasm_hash: str | None = None
    sandbox_tier: str
    job: str
    attempt: int
    cargo: WireCargo
    lease_seconds: int
    deadline_ms: int
    limits: WireLimits
    correlation_id: str | None = None


class CancelJob(msgspec.Struct, kw_only=True, omit_defaults=True):
    job_id: str
    attempt: int | None = None
    reason: str | None = None


class PreloadRecommendation(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A cargo that an island would do well to have at hand. `type`: model, or the runtime of what is no model."""

    type: str
    workload_slug: str
    runtime_type: str
    wasm_url: str | None = None
    wasm_hash: str | None = None
    estimated_earnings_per_job: str | None = None
    queued_demand: int | None = None
    demand_score: int | None = None
    priority: str | None = None


class PairingRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    host_id: str


class PairingAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """With `success`, what an owner types in to pair the island; else `error`, which is `ALREADY_PAIRED` for one that
    takes jobs and `SUSPENDED` for one that an operator keeps from them.
    """

    success: bool
    code: str | None = None
    expires_in_seconds: int | None = None
    pair_url: str | None = None
    error: str | None = None


ENCODER: Final = msgspec.json.Encoder()


def encode(message: msgspec.Struct) -> bytes:
    return ENCODER.encode(message)


def decoder(kind: type[Any]) -> msgspec.json.Decoder[Any]:
    """A decoder that refuses wrong types with a message naming the field."""
    return msgspec.json.Decoder(kind)
