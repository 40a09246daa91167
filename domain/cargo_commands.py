"""What may be asked of a cargo. Every id and every instant arrives from outside; `domain.cargo` decides."""

from dataclasses import dataclass

from domain.cargo_spec import CargoVersion
from domain.ids import CargoSlug


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
