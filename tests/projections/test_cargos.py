"""The catalogue shows the latest version of a cargo, its number for ever, and whether it may be run."""

from dataclasses import replace

from domain.cargo_events import CargoDisabled, CargoEnabled, CargoPublished
from projections.cargos import cargo_after, cargo_version_after
from tests import examples
from tests.projections.live import folded

FIRST = CargoPublished(cargo=examples.CARGO_VERSION, published_at_ms=1)
SECOND = CargoPublished(
    cargo=replace(examples.CARGO_VERSION, name="Better", spec=examples.cargo_with(version="2.0.0")),
    published_at_ms=2,
)
DISABLED = CargoDisabled(slug=examples.SLUG, reason="broken", disabled_at_ms=3)
ENABLED = CargoEnabled(slug=examples.SLUG, enabled_at_ms=4)


def test_the_latest_version_stands_under_the_first_ones_number() -> None:
    row = folded(cargo_after, FIRST, SECOND)
    assert (row.cargo, row.published_at_ms) == (SECOND.cargo, 2)
    assert (row.created_position, row.position) == (1, 2)


def test_a_disabled_cargo_stays_so_whatever_is_published_until_it_is_enabled() -> None:
    row = folded(cargo_after, FIRST, DISABLED, SECOND)
    assert (row.is_disabled, row.disabled_reason, row.cargo) == (True, "broken", SECOND.cargo)
    row = folded(cargo_after, FIRST, DISABLED, SECOND, ENABLED)
    assert (row.is_disabled, row.disabled_reason) == (False, None)


def test_every_version_is_kept() -> None:
    assert cargo_version_after(None, SECOND, 5).version == "2.0.0"
