"""One running network for all tests of commands; each asks it something of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.cli.commands import Up, up
from tests.servers import temporary_folder

ALLOWED: Final = {"ARCHIPELAGO_WEBHOOKS_TO_LOOPBACK": "true", "ARCHIPELAGO_SIGN_INS_PER_MINUTE": "1000"}
"""Tests tell nothing to anybody but this machine, and sign in from it more often than people do."""


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    notices = tmp_path_factory.mktemp("up") / "notices"
    with temporary_folder() as root, up(root, notices, **ALLOWED) as running:
        yield running


@pytest.fixture(autouse=True)
def state_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No bookmark, key or address of whoever runs the tests."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("URL", "KEY", "CA_FILE", "DATA_DIR", "NATS_URL", "POSTGRES_DSN"):
        monkeypatch.delenv(f"ARCHIPELAGO_{name}", raising=False)
