"""The next command is told as this person can type it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.typed_name import program


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    program.cache_clear()
    yield
    program.cache_clear()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    installed = tmp_path / "archipelago"
    installed.touch(mode=0o755)
    return installed


def test_who_typed_a_path_is_told_the_path(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", [str(installed), "up"])
    monkeypatch.setenv("PATH", "/nowhere")
    assert program() == str(installed)


def test_who_has_it_on_the_path_is_told_the_name(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", [str(installed), "up"])
    monkeypatch.setenv("PATH", str(installed.parent))
    assert program() == "archipelago"


def test_another_program_that_uses_the_commands_tells_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/pytest"])
    assert program() == "archipelago"
