"""What running and placing a cargo takes. Copied into every job, read by placement, islands and people.

Made by `api.cargo_manifest` from a publisher's manifest; a version never changes afterwards.
"""

from dataclasses import dataclass
from enum import StrEnum

from domain.ids import AccountId, CargoSlug
from domain.pricing import PriceUnit
from domain.trust import Limits


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
class Listing:
    """How a publisher shows a cargo in the marketplace. `icon_url` and `screenshots` are https addresses."""

    tagline: str = ""
    tags: tuple[str, ...] = ()
    icon_url: str = ""
    readme: str = ""
    screenshots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoVersion:
    """One published version: the spec, and what people and validators read. Schemas are JSON Schema texts."""

    spec: CargoSpec
    name: str
    description: str
    input_schema: str
    output_schema: str
    listing: Listing = Listing()
