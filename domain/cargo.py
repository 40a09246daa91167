"""A cargo: what can be run. One aggregate per slug; versions are added, never changed.

Reputation and reviews are not here yet: a cargo keeps the trust level it was published at.
"""

from typing import assert_never

from domain.cargo_commands import CargoCommand, DisableCargo, EnableCargo, PublishCargo
from domain.cargo_events import CargoDisabled, CargoEnabled, CargoEvent, CargoPublished
from domain.cargo_state import Cargo, evolve
from domain.decider import Decider
from domain.rejection import Rejected, Rejection
from domain.trust import excess


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


CARGO: Decider[CargoCommand, Cargo, CargoEvent] = Decider("cargo", Cargo(), decide, evolve)
