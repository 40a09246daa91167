"""A cargo: what can be run. One aggregate per slug; versions are added, never changed.

Reputation and reviews are not here yet: a cargo keeps the trust level it was published at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from domain.decider import Decider
from domain.ids import AccountId, CargoSlug
from domain.pricing import PriceUnit
from domain.rejection import Rejected, Rejection
from domain.trust import Limits, excess


class Runtime(StrEnum):
    WASM = "wasm"
    CONTAINER = "container"
    LLMCPP = "llmcpp"
    ONNX = "onnx"
    COREML = "coreml"
    DIFFUSERS = "diffusers"


class Determinism(StrEnum):
    """Whether two honest islands give the same bytes. Used when results are compared."""

    EXACT = "exact"
    TOLERANT = "tolerant"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What an island must have for one run. 0 means no demand."""

    ram_mb: int = 0
    vram_mb: int = 0
    cpu_cores: int = 0
    disk_mb: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoSpec:
    """What running and placing a cargo takes; copied into every job, so that later versions change no job.

    `artifact_digest` is `sha256:` and 64 hex digits over the bytes that run; `target_score`, at least 1, is the engine
    score at which an island's speed counts as full; `price_micro` the default price of one `price_unit`. `platforms`
    are beginnings of platform names, none for any; `model_mb` and `model_format` say what a model cargo loads;
    `privacy_tier` says which islands may see the input (`domain.placement`).
    """

    slug: CargoSlug
    version: str
    publisher_id: AccountId
    runtime: Runtime
    artifact_digest: str
    artifact_bytes: int
    determinism: Determinism
    trust_level: int
    limits: Limits
    requirements: Requirements
    price_micro: int
    target_score: int
    price_unit: PriceUnit = PriceUnit.JOB
    category: str = ""
    platforms: tuple[str, ...] = ()
    model_mb: int = 0
    model_format: str = ""
    privacy_tier: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoVersion:
    """One published version: the spec, and what people and validators read. Schemas are JSON Schema texts."""

    spec: CargoSpec
    name: str
    description: str
    input_schema: str
    output_schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoPublished:
    cargo: CargoVersion
    published_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoDisabled:
    slug: CargoSlug
    reason: str
    disabled_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoEnabled:
    slug: CargoSlug
    enabled_at_ms: int


CargoEvent = CargoPublished | CargoDisabled | CargoEnabled


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishCargo:
    cargo: CargoVersion
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DisableCargo:
    slug: CargoSlug
    reason: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnableCargo:
    slug: CargoSlug
    now_ms: int


CargoCommand = PublishCargo | DisableCargo | EnableCargo


@dataclass(frozen=True, slots=True, kw_only=True)
class Cargo:
    publisher_id: AccountId | None = None
    versions: Mapping[str, CargoVersion] = field(default_factory=dict)
    latest: CargoVersion | None = None
    is_disabled: bool = False


def decide(cargo: Cargo, command: CargoCommand) -> list[CargoEvent]:
    if isinstance(command, PublishCargo):
        return publish(cargo, command)
    if cargo.latest is None:
        raise Rejected(Rejection.CARGO_UNKNOWN, f"no cargo {command.slug}")
    match command:
        case DisableCargo():
            if cargo.is_disabled:
                return []
            return [CargoDisabled(slug=command.slug, reason=command.reason, disabled_at_ms=command.now_ms)]
        case EnableCargo():
            return (
                [CargoEnabled(slug=command.slug, enabled_at_ms=command.now_ms)] if cargo.is_disabled else []
            )
        case _:
            assert_never(command)


def publish(cargo: Cargo, command: PublishCargo) -> list[CargoEvent]:
    wanted = command.cargo.spec
    if cargo.publisher_id not in (None, wanted.publisher_id):
        raise Rejected(Rejection.PUBLISHER_DIFFERS, f"slug: {wanted.slug} belongs to another publisher")
    known = cargo.versions.get(wanted.version)
    if known == command.cargo:
        return []
    if known is not None:
        raise Rejected(
            Rejection.VERSION_TAKEN, f"version: {wanted.slug} {wanted.version} exists with other content"
        )
    if problem := excess(wanted.limits, wanted.trust_level):
        raise Rejected(Rejection.LIMIT_ABOVE_TRUST_LEVEL, f"limits: {problem}")
    return [CargoPublished(cargo=command.cargo, published_at_ms=command.now_ms)]


def evolve(cargo: Cargo, event: CargoEvent) -> Cargo:
    match event:
        case CargoPublished():
            return replace(
                cargo,
                publisher_id=event.cargo.spec.publisher_id,
                versions={**cargo.versions, event.cargo.spec.version: event.cargo},
                latest=event.cargo,
            )
        case CargoDisabled():
            return replace(cargo, is_disabled=True)
        case CargoEnabled():
            return replace(cargo, is_disabled=False)
        case _:
            assert_never(event)


CARGO: Decider[CargoCommand, Cargo, CargoEvent] = Decider("cargo", Cargo(), decide, evolve)
