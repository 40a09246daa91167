"""`docs/rules.md` names a test for every rule, and no test that is not there."""

import ast
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
TESTS: Final = ROOT / "tests"
RULES_MIN: Final = 90
UNBUILT: Final = "not built yet"


@cache
def rules() -> dict[str, list[str]]:
    """Each rule of the page with the tests it names, as `<file below tests>::<test>`."""
    lines = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {rule: named.split("<br>") for rule, _, named in rows if rule not in ("rule", "---")}


@cache
def collected_in(path: Path) -> frozenset[str]:
    """Test functions of a module, and the test cases that it makes of state machines."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test_"):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) if name.startswith("Test"):
                found.add(name)
            case _:
                pass
    return frozenset(found)


def named() -> list[str]:
    return [test.strip("`") for tests in rules().values() for test in tests if test != UNBUILT]


def test_the_page_tells_every_rule() -> None:
    assert len(rules()) >= RULES_MIN


@pytest.mark.parametrize("test", sorted(set(named())))
def test_a_test_that_the_page_names_is_there(test: str) -> None:
    file, _, name = test.partition("::")
    assert name in collected_in(TESTS / file), f"docs/rules.md names tests/{file}::{name}"


@pytest.mark.parametrize("path", sorted((TESTS / "rules").glob("test_*.py")), ids=lambda path: path.stem)
def test_the_page_names_every_test_of_a_rule(path: Path) -> None:
    if path != Path(__file__).resolve():
        missing = {f"rules/{path.name}::{name}" for name in collected_in(path)} - set(named())
        assert not missing, "put it into the row of its rule in docs/rules.md"
