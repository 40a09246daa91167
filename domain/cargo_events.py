"""What happens to a cargo. Fields are storage format: add with a default, never rename, never change a meaning.

Decided in `domain.cargo`, stored under the literal names of `adapters.codec`. Times are Unix milliseconds of the
coordinator's clock.
"""

from dataclasses import dataclass

from domain.cargo_spec import CargoVersion
from domain.ids import CargoSlug


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
