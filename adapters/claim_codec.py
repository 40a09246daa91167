"""From the bytes an island sent to a claim, or to the reason why it is none.

Called by the claim mailbox and its check. Judges form only: size, JSON, types, that the body names the island of
the subject, that attempt and wire id agree. What the claim means is decided by `commands.intake`.
"""

import math
from typing import Final, assert_never

import msgspec

from adapters import wire
from adapters.claim_address import Address, Kind
from adapters.claim_fields import asks, categories, plausible
from domain.category import CategoryPolicy
from domain.claim import (
    Cancelled,
    Claim,
    ClaimRejected,
    ClaimRejection,
    Failed,
    Heartbeat,
    LiveAttempt,
    Registration,
    Renewal,
    Returned,
    Started,
    Streaming,
    Succeeded,
    parse_wire_id,
)
from domain.failure import Failure, ReturnReason
from domain.ids import IslandId, JobId
from domain.island_events import Capabilities, RuntimeOffer
from domain.job import DETAIL_CHARACTERS_MAX
from domain.job_events import Usage
from domain.trust import LEVEL_MAX

CLAIM_BYTES_MAX: Final = 64 * 1024
WARM_MAX: Final = 200
RUNTIMES_MAX: Final = 16
FORMATS_MAX: Final = 32
BANDWIDTH_GB_S_MAX: Final = 100_000
UNKNOWN_ENGINE: Final = "unknown"
SLOTS_MAX: Final = 256
PROTOCOL_MAX: Final = 1000
RENEWAL_S_MAX: Final = 60
NAME_CHARACTERS_MAX: Final = 100
NUMBER_MAX: Final = 1 << 53
"""Above every honest number; columns of 64 bits and readers of JSON hold it exactly."""
USAGE_FIELDS: Final = ("wall_ms", "cpu_ms", "memory_peak_mb", "fuel", "prompt_tokens", "completion_tokens")

REGISTER_DECODER: Final = wire.decoder(wire.RegisterHost)
HEARTBEAT_DECODER: Final = wire.decoder(wire.HostHeartbeat)
STATUS_DECODER: Final = wire.decoder(wire.JobStatus)
LEASE_DECODER: Final = wire.decoder(wire.LeaseRenewal)


def check_size(body: bytes) -> None:
    """Raises `ClaimRejected(too_large)`."""
    if len(body) > CLAIM_BYTES_MAX:
        raise ClaimRejected(ClaimRejection.TOO_LARGE, f"body: at most {CLAIM_BYTES_MAX} bytes")


def claim_of(address: Address, body: bytes, *, local_id: str | None = None, is_signed: bool = False) -> Claim:
    """The claim of one message. Raises `ClaimRejected`.

    `local_id` is what the island calls itself besides its id; islands that sign must count their output and digest it.
    """
    check_size(body)
    try:
        return decode(address, body, local_id, is_signed=is_signed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise ClaimRejected(ClaimRejection.BAD_JSON, str(fault)[:DETAIL_CHARACTERS_MAX]) from fault


def decode(address: Address, body: bytes, local_id: str | None, *, is_signed: bool) -> Claim:
    island_id = address.island_id
    match address.kind:
        case Kind.REGISTER:
            greeting = REGISTER_DECODER.decode(body)
            check_name(greeting.host_id, island_id, local_id)
            return registration(island_id, greeting)
        case Kind.HEARTBEAT:
            beat = HEARTBEAT_DECODER.decode(body)
            check_name(beat.host_id, island_id, local_id)
            return heartbeat(island_id, beat)
        case Kind.STATUS:
            return status(island_id, STATUS_DECODER.decode(body), is_signed=is_signed)
        case Kind.LEASE:
            return renewal(island_id, LEASE_DECODER.decode(body))
        case _:
            assert_never(address.kind)


def check_name(host_id: str, island_id: IslandId, local_id: str | None) -> None:
    """Raises `ClaimRejected(id_mismatch)` where the body names another island than the one that spoke."""
    if host_id != island_id and (local_id is None or host_id != local_id):
        raise ClaimRejected(ClaimRejection.ID_MISMATCH, "host_id: differs from the island that spoke")


def registration(island_id: IslandId, message: wire.RegisterHost) -> Registration:
    check_numbers(message)
    found = message.capabilities
    policy = message.policy or wire.WirePolicy()
    offers = {
        test.runtime: RuntimeOffer(
            runtime=test.runtime,
            engine=test.engine[:NAME_CHARACTERS_MAX],
            engine_version=test.engine_version[:NAME_CHARACTERS_MAX],
            score=max(0, test.score),
        )
        for test in message.self_tests[:RUNTIMES_MAX]
        if test.passed and test.runtime in message.supported_runtimes
    }
    capabilities = Capabilities(
        platform=(message.platform or "linux-x86_64")[:NAME_CHARACTERS_MAX],
        cpu_cores=found.cpu_cores,
        ram_mb=found.ram_mb,
        disk_free_mb=max(0, message.disk_free_mb or 0),
        region=None if found.region in (None, "", "auto") else found.region[:NAME_CHARACTERS_MAX],
        gpu_model=found.gpu_model and found.gpu_model[:NAME_CHARACTERS_MAX],
        gpu_vram_mb=max(0, found.gpu_vram_mb or 0),
        slots=message.slots or max(1, min(found.cpu_cores // 2, found.ram_mb // 2048)),
        runtimes=tuple(offers[name] for name in sorted(offers)),
        trust_level_min=policy.trust_level_min,
        categories=CategoryPolicy(
            allowed=categories("policy.categories_allowed", policy.categories_allowed),
            refused=categories("policy.categories_refused", policy.categories_refused),
        ),
    )
    return Registration(
        island_id=island_id,
        agent_version=message.version[:NAME_CHARACTERS_MAX],
        protocol=message.protocol,
        capabilities=capabilities,
        asks_micro=asks(message.asking_prices),
    )


def check_numbers(message: wire.RegisterHost) -> None:
    """Raises `ClaimRejected` for a number that no machine has."""
    found = message.capabilities
    plausible("capabilities.cpu_cores", found.cpu_cores, 4096)
    plausible("capabilities.ram_mb", found.ram_mb, 1 << 26)
    plausible("capabilities.gpu_vram_mb", max(0, found.gpu_vram_mb or 0), 1 << 26)
    plausible("disk_free_mb", max(0, message.disk_free_mb or 0), NUMBER_MAX)
    plausible("protocol", message.protocol, PROTOCOL_MAX)
    plausible("slots", message.slots or 0, SLOTS_MAX)
    plausible("policy.trust_level_min", message.policy.trust_level_min if message.policy else 0, LEVEL_MAX)
    for test in message.self_tests[:RUNTIMES_MAX]:
        plausible("self_tests.score", max(0, test.score), NUMBER_MAX)


def heartbeat(island_id: IslandId, message: wire.HostHeartbeat) -> Heartbeat:
    if message.status not in ("online", "draining", "offline"):
        raise ClaimRejected(ClaimRejection.IMPLAUSIBLE, "status: must be online, draining or offline")
    warm = message.cache.warm_workload_ids[:WARM_MAX] if message.cache else []
    estimates = message.performance_estimates
    return Heartbeat(
        island_id=island_id,
        is_leaving=message.status == "offline",
        is_draining=message.status == "draining",
        asks_micro=asks(message.asking_prices),
        warm_slugs=tuple(sorted({slug[:NAME_CHARACTERS_MAX] for slug in warm})),
        runtimes=None if estimates is None else untested(estimates.supported_runtimes),
        gpu_bandwidth_mb_s=0 if estimates is None else bandwidth_mb_s(estimates.gpu_bandwidth_gb_s),
        formats=() if estimates is None else formats(estimates.supported_quantization_formats),
        attempts=tuple(
            LiveAttempt(job_id=parse_wire_id(live.job_id)[0], attempt=live.attempt)
            for live in message.attempts[:SLOTS_MAX]
        ),
    )


def bandwidth_mb_s(gb_s: float | None) -> int:
    plausible("performance_estimates.gpu_bandwidth_gb_s", math.ceil(gb_s or 0), BANDWIDTH_GB_S_MAX)
    return round((gb_s or 0) * 1000)


def formats(names: list[str] | None) -> tuple[str, ...]:
    return tuple(sorted({name[:NAME_CHARACTERS_MAX] for name in (names or [])[:FORMATS_MAX]}))


def untested(runtimes: list[str]) -> tuple[RuntimeOffer, ...]:
    """Offers of a daemon that only names its runtimes: no speed is known of them."""
    names = {name[:NAME_CHARACTERS_MAX] for name in runtimes[:RUNTIMES_MAX]}
    return tuple(
        RuntimeOffer(runtime=name, engine=UNKNOWN_ENGINE, engine_version="", score=0)
        for name in sorted(names)
    )


def named_attempt(wire_name: str, attempt: int | None) -> tuple[JobId, int]:
    job_id, number = parse_wire_id(wire_name)
    if attempt not in (None, number):
        raise ClaimRejected(ClaimRejection.ID_MISMATCH, "attempt: differs from job_id")
    return job_id, number


def status(island_id: IslandId, message: wire.JobStatus, *, is_signed: bool) -> Claim:
    job_id, attempt = named_attempt(message.job_id, message.attempt)
    match message.state:
        case "started":
            return Started(island_id=island_id, job_id=job_id, attempt=attempt)
        case "streaming":
            return Streaming(island_id=island_id, job_id=job_id, attempt=attempt)
        case "succeeded":
            return succeeded(island_id, job_id, attempt, message, is_signed=is_signed)
        case "failed":
            return Failed(
                island_id=island_id,
                job_id=job_id,
                attempt=attempt,
                code=failure(message.code),
                detail=(message.error or "")[:DETAIL_CHARACTERS_MAX],
            )
        case "refused" | "returned":
            return Returned(
                island_id=island_id, job_id=job_id, attempt=attempt, reason=return_reason(message.reason)
            )
        case "cancelled":
            return Cancelled(island_id=island_id, job_id=job_id, attempt=attempt)
        case _:
            raise ClaimRejected(ClaimRejection.IMPLAUSIBLE, "state: unknown word")


def succeeded(
    island_id: IslandId, job_id: JobId, attempt: int, message: wire.JobStatus, *, is_signed: bool
) -> Succeeded:
    """An island without keys may leave count and digest out: both, or neither."""
    is_told = message.count is not None and message.digest is not None
    if not is_told and (is_signed or message.count is not None or message.digest is not None):
        raise ClaimRejected(ClaimRejection.IMPLAUSIBLE, "count, digest: required with succeeded")
    plausible("count", message.count or 0, NUMBER_MAX)
    return Succeeded(
        island_id=island_id,
        job_id=job_id,
        attempt=attempt,
        chunks=message.count,
        digest=message.digest,
        usage=usage(message.usage or wire.WireUsage()),
    )


def usage(message: wire.WireUsage) -> Usage:
    for field in USAGE_FIELDS:
        plausible(f"usage.{field}", getattr(message, field) or 0, NUMBER_MAX)
    return Usage(
        wall_ms=message.wall_ms,
        cpu_ms=message.cpu_ms,
        memory_peak_mb=message.memory_peak_mb,
        fuel=message.fuel,
        prompt_tokens=message.prompt_tokens,
        completion_tokens=message.completion_tokens,
    )


def failure(code: str | None) -> Failure:
    """Any word we do not know counts as unclassified, which is the island's fault."""
    return Failure(code) if code in set(Failure) else Failure.UNCLASSIFIED


def return_reason(reason: str | None) -> ReturnReason:
    if reason not in set(ReturnReason):
        raise ClaimRejected(ClaimRejection.IMPLAUSIBLE, "reason: unknown word")
    return ReturnReason(reason)


def renewal(island_id: IslandId, message: wire.LeaseRenewal) -> Renewal:
    job_id, attempt = named_attempt(message.job_id, message.attempt)
    if not 0 < message.extend_seconds <= RENEWAL_S_MAX:
        raise ClaimRejected(ClaimRejection.IMPLAUSIBLE, f"extend_seconds: must be 1-{RENEWAL_S_MAX}")
    return Renewal(
        island_id=island_id, job_id=job_id, attempt=attempt, extend_ms=message.extend_seconds * 1000
    )
