"""Settings come from the environment, and a wrong one is named."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from island.settings import Settings


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIPELAGO_ISLAND_ASKS", '{"_default":"0.5","wasm-hash":"0.25"}')
    monkeypatch.setenv("ARCHIPELAGO_ISLAND_KEY", "ak_secret")
    monkeypatch.setenv("ARCHIPELAGO_ISLAND_SLOTS", "3")
    settings = Settings()

    assert settings.asks == {"_default": Decimal("0.5"), "wasm-hash": Decimal("0.25")}
    assert settings.slots == 3
    assert "ak_secret" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("coordinator_url", "coordinator.example"),
        ("nats_url", "http://127.0.0.1"),
        ("name", ""),
        ("slots", 0),
        ("asks", {"_default": "0"}),
        ("asks", {"_default": "0.0000001"}),
        ("trust_level_min", 4),
        ("runtimes", []),
        ("runtimes", ["container"]),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({name: value})
