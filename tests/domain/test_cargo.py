"""The rules of a cargo: versions are added, never changed."""

from dataclasses import replace
from typing import Any

from domain.cargo import CARGO
from domain.cargo_commands import DisableCargo, EnableCargo, PublishCargo
from domain.cargo_events import CargoDisabled, CargoEnabled, CargoPublished
from domain.cargo_spec import CargoVersion
from domain.rejection import Rejection
from tests.examples import CARGO_VERSION, OWNER, SLUG, T0_MS, at_ms, cargo_with
from tests.scenario import Scenario

cargo = Scenario(CARGO)
disable = DisableCargo(slug=SLUG, reason="it leaks", now_ms=T0_MS)
enable = EnableCargo(slug=SLUG, now_ms=T0_MS)
disabled = CargoDisabled(slug=SLUG, reason="it leaks", disabled_at_ms=T0_MS)
enabled = CargoEnabled(slug=SLUG, enabled_at_ms=T0_MS)


def version(**fields: Any) -> CargoVersion:
    return replace(CARGO_VERSION, spec=cargo_with(**fields))


def publish(found: CargoVersion = CARGO_VERSION) -> PublishCargo:
    return PublishCargo(cargo=found, now_ms=T0_MS)


def published(found: CargoVersion = CARGO_VERSION) -> CargoPublished:
    return CargoPublished(cargo=found, published_at_ms=T0_MS, trust_level=0)


def test_a_cargo_is_published_once() -> None:
    cargo.given().when(publish()).then(published())
    cargo.given(published()).when(replace(publish(), now_ms=at_ms(9))).then_nothing()


def test_a_version_never_changes() -> None:
    for changed in (version(price_micro=1), replace(CARGO_VERSION, description="Better.")):
        cargo.given(published()).when(publish(changed)).then_rejected(Rejection.VERSION_TAKEN)


def test_a_new_version_becomes_the_latest_and_the_old_one_stays() -> None:
    second = version(version="1.1.0")
    cargo.given(published()).when(publish(second)).then(published(second))
    state = CARGO.fold([published(), published(second)])
    assert state.latest == second
    assert state.versions == {"1.0.0": CARGO_VERSION, "1.1.0": second}
    cargo.given(published(), published(second)).when(publish()).then_nothing()


def test_a_name_belongs_to_its_first_publisher() -> None:
    foreign = version(version="1.1.0", publisher_id=OWNER)
    cargo.given(published()).when(publish(foreign)).then_rejected(Rejection.PUBLISHER_DIFFERS)


def test_a_limit_above_the_trust_level_is_refused() -> None:
    cargo.given().when(publish(version(limits={"memory_mb": 257}))).then_rejected(
        Rejection.LIMIT_ABOVE_TRUST_LEVEL
    )
    larger = version(limits={"memory_mb": 257}, trust_level=1)
    cargo.given().when(publish(larger)).then(published(larger))


def test_a_trust_level_that_does_not_exist_is_refused() -> None:
    for level in (-1, 4):
        cargo.given().when(publish(version(trust_level=level))).then_rejected(
            Rejection.LIMIT_ABOVE_TRUST_LEVEL
        )


def test_a_cargo_is_disabled_and_enabled_again() -> None:
    cargo.given(published()).when(disable).then(disabled)
    cargo.given(published(), disabled).when(disable).then_nothing()
    cargo.given(published(), disabled).when(enable).then(enabled)
    cargo.given(published()).when(enable).then_nothing()
    assert CARGO.fold([published(), disabled]).is_disabled
    assert not CARGO.fold([published(), disabled, enabled]).is_disabled


def test_a_disabled_cargo_may_still_be_killed_and_is_killed_once() -> None:
    kill = replace(disable, is_killed=True)
    killed = replace(disabled, is_killed=True)
    cargo.given(published(), disabled).when(kill).then(killed)
    cargo.given(published(), killed).when(kill).then_nothing()
    cargo.given(published(), killed).when(disable).then_nothing()


def test_a_version_that_asks_for_less_has_less() -> None:
    trusting = replace(published(version(trust_level=2)), trust_level=2)
    modest = version(version="1.1.0", trust_level=1)
    (event, move) = CARGO.decide(CARGO.fold([trusting]), publish(modest))
    assert event == replace(published(modest), trust_level=1)
    assert CARGO.fold([trusting, event, move]).trust_level == 1


def test_a_cargo_that_was_never_published_cannot_be_switched() -> None:
    for command in (disable, enable):
        cargo.given().when(command).then_rejected(Rejection.CARGO_UNKNOWN)
