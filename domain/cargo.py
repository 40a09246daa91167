"""A cargo: what can be run. One aggregate per slug; versions are added, never changed.

Level and reputation move by what `domain.cargo_trust` and `domain.cargo_reputation` say; a job takes the level that the
cargo has when it is submitted.
"""

from typing import assert_never

from domain.cargo_commands import (
    CargoCommand,
    DisableCargo,
    EnableCargo,
    FileComplaint,
    PublishCargo,
    RateCargo,
    RecordIncident,
    RecordScan,
    RecordUse,
    ReviewCargo,
    SubmitForReview,
)
from domain.cargo_events import CargoDisabled, CargoEnabled, CargoEvent, CargoPublished, TrustReason
from domain.cargo_reputation import complain, rate, record_incident, record_use
from domain.cargo_state import Cargo, evolve
from domain.cargo_trust import level_changed, record_scan, review, submit_for_review
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
            return disable(cargo, command)
        case EnableCargo():
            return enable(cargo, command)
        case RecordUse():
            return record_use(cargo, command)
        case RateCargo():
            return rate(cargo, command)
        case FileComplaint():
            return complain(cargo, command)
        case RecordIncident():
            return record_incident(cargo, command)
        case RecordScan():
            return record_scan(cargo, command)
        case SubmitForReview():
            return submit_for_review(cargo, command)
        case ReviewCargo():
            return review(cargo, command)
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
    level = level_at_publication(cargo, command)
    published = CargoPublished(
        cargo=command.cargo,
        published_at_ms=command.now_ms,
        trust_level=level,
        is_first_party=command.is_first_party,
    )
    if cargo.latest is None or level >= cargo.trust_level:
        return [published]
    evidence = (f"version {wanted.version}",)
    levels = (cargo.trust_level, level)
    fell = level_changed(wanted.slug, levels, TrustReason.NEW_ARTIFACT, evidence, command.now_ms)
    return [published, fell]


def level_at_publication(cargo: Cargo, command: PublishCargo) -> int:
    """The operator's cargos have the level they ask for; everybody else's begin at 0, and again with new bytes."""
    wanted = command.cargo.spec
    if command.is_first_party:
        return wanted.trust_level
    is_same = cargo.latest is not None and cargo.latest.spec.artifact_digest == wanted.artifact_digest
    return min(cargo.trust_level, wanted.trust_level) if is_same else 0


def disable(cargo: Cargo, command: DisableCargo) -> list[CargoEvent]:
    """A cargo that is disabled already may still be killed."""
    if cargo.is_disabled and (cargo.is_killed or not command.is_killed):
        return []
    return [
        CargoDisabled(
            slug=command.slug,
            reason=command.reason,
            disabled_at_ms=command.now_ms,
            is_killed=command.is_killed,
        )
    ]


def enable(cargo: Cargo, command: EnableCargo) -> list[CargoEvent]:
    return [CargoEnabled(slug=command.slug, enabled_at_ms=command.now_ms)] if cargo.is_disabled else []


CARGO: Decider[CargoCommand, Cargo, CargoEvent] = Decider("cargo", Cargo(), decide, evolve)
