"""What a cargo remembers of its own past: only what a decision needs. `evolve` has no rules and cannot fail."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from domain.cargo_events import CargoDisabled, CargoEnabled, CargoEvent, CargoPublished
from domain.cargo_spec import CargoVersion
from domain.ids import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class Cargo:
    publisher_id: AccountId | None = None
    versions: Mapping[str, CargoVersion] = field(default_factory=dict)
    latest: CargoVersion | None = None
    is_disabled: bool = False


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
