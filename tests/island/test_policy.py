"""What an owner has set, as it is shown and as it is registered."""

from decimal import Decimal
from pathlib import Path

import pytest

from adapters.wire import WirePolicy
from domain.category import CategoryPolicy
from island.policy import policy
from island.presence import registration
from island.settings import Settings
from tests.island.islands import Workshop
from tests.island.test_hardware import made


def test_every_rule_of_the_owner_has_a_line(tmp_path: Path) -> None:
    settings = Settings(
        state_dir=tmp_path,
        hours=("daily 00:00-24:00",),
        cpu_cores=2,
        ram_mb=1024,
        trust_level_min=1,
        categories=("language", "data"),
        categories_refused=("mining",),
        asks={"_default": Decimal("0.5")},
        region="eu-west",
    )
    assert list(policy(settings, made(8, 16_384), 0)) == [
        "hours      daily 00:00-24:00; now open",
        "lends      2 of 8 cores, 1024 of 16384 MB of memory",
        "GPU        none",
        "jobs       1 at once",
        "cargos     of trust level 1 and above, for wasm",
        "categories language, data, but not mining",
        "asks       _default 0.5 credits",
        "region     eu-west",
    ]


def test_an_island_registers_the_categories_that_its_owner_takes(workshop: Workshop) -> None:
    workshop.keep(categories=CategoryPolicy(allowed=("data",), refused=("mining",)))
    policy = registration(workshop.profile, {}).policy
    assert policy == WirePolicy(trust_level_min=1, categories_allowed=["data"], categories_refused=["mining"])


@pytest.mark.parametrize("field", ["categories", "categories_refused"])
@pytest.mark.parametrize("word", ["", "Data", "a--b", "x" * 41])
def test_a_category_is_a_short_word(field: str, word: str) -> None:
    with pytest.raises(ValueError, match=field):
        Settings.model_validate({field: (word,)})


def test_an_island_registers_the_region_that_its_owner_named(workshop: Workshop) -> None:
    workshop.keep(region="eu-west")
    assert registration(workshop.profile, {}).capabilities.region == "eu-west"


@pytest.mark.parametrize("region", ["EU", "", "-west", "x" * 41])
def test_a_region_is_a_short_word(region: str) -> None:
    with pytest.raises(ValueError, match="region"):
        Settings(region=region)
