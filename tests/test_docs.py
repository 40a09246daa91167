"""The pages tell what the program does: nothing a person can type, set or meet is missing from `docs/`.

The reference pages are written by `make docs` and compared here. The names are gathered a second time, from the program
itself, so that a page cannot agree with its own omission.
"""

import importlib
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic_settings import BaseSettings

from adapters.codec import EVENTS
from cli.main import app
from docs.generate import pages

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SETTINGS_MODULES = ("api.settings", "island.settings", "registrar.settings")
CODE_MODULES = ("api.errors", "domain.rejection", "domain.claim", "domain.placement", "domain.failure")
GENERATED = ("cli.md", "errors.md", "events.md", "settings.md")


@cache
def documentation() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md")))


def missing(names: list[str]) -> list[str]:
    assert names, "nothing was found to look for"
    return [name for name in names if f"`{name}`" not in documentation()]


def commands(command: Any, path: str) -> Iterator[str]:
    """Every command below `command` that `--help` shows."""
    for name, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield f"{path} {name}"
            yield from commands(below, f"{path} {name}")


def defined_in(module: str, base: type) -> list[Any]:
    """The classes of one kind that `module` defines itself."""
    values = vars(importlib.import_module(module)).values()
    found = [v for v in values if isinstance(v, type) and issubclass(v, base) and v.__module__ == module]
    assert found, f"{module} defines no {base.__name__}"
    return found


@pytest.mark.parametrize("name", GENERATED)
def test_a_reference_page_says_what_the_code_says(name: str) -> None:
    page = DOCS / name
    written = page.read_text(encoding="utf-8") if page.exists() else ""
    assert written == generated()[name], f"docs/{name} is stale: run `make docs` and read what changed"


@cache
def generated() -> dict[str, str]:
    return pages()


def test_every_command_is_documented() -> None:
    assert missing(list(commands(typer.main.get_command(app), "archipelago"))) == []


def test_every_event_is_documented() -> None:
    assert missing(list(EVENTS)) == []


@pytest.mark.parametrize("module", CODE_MODULES)
def test_every_code_is_documented(module: str) -> None:
    assert missing([str(code) for codes in defined_in(module, StrEnum) for code in codes]) == []


@pytest.mark.parametrize("module", SETTINGS_MODULES)
def test_every_setting_is_documented_and_carries_our_prefix(module: str) -> None:
    names = [
        f"{settings.model_config['env_prefix']}{field}".upper()
        for settings in defined_in(module, BaseSettings)
        if settings.model_config.get("env_prefix")
        for field in settings.model_fields
    ]
    assert missing(names) == []
    assert [name for name in names if not name.startswith("ARCHIPELAGO_")] == []


def test_every_link_between_pages_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "cargos").rglob("*.md")]
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target.partition("#")[0]).exists()
    ]
    assert broken == []


def test_every_page_is_found_from_the_index() -> None:
    index = DOCS / "README.md"
    reached = {
        (DOCS / target.partition("#")[0]).resolve() for target in LINK.findall(index.read_text("utf-8"))
    }
    lost = [
        str(page.relative_to(ROOT)) for page in DOCS.rglob("*.md") if page != index and page not in reached
    ]
    assert lost == []
