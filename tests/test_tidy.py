"""House style that no linter knows. Each failure names the place and the remedy; the reasons are in CONTRIBUTING.md."""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("domain", "commands", "projections", "adapters", "api", "registrar", "island", "cli")
FOLDERS = (*PACKAGES, "benchmarks", "cargos", "docs", "tests", "web", ".ci")

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 300
# An aggregate stays one module: its events, commands and state, one field a line, are half of its length.
AGGREGATE_LINES_MAX = 520
REASON_CHARACTERS_MIN = 10

VAGUE_NAMES = {
    "base": "the noun that its classes share",
    "common": "the noun that its users share, in the lowest package that needs it",
    "core": "the aggregate or the port it holds",
    "helper": "the noun it acts on",
    "helpers": "the noun it acts on",
    "lib": "the noun it serves",
    "manager": "what it does: keeper, pool, runner, supervisor",
    "misc": "one module for each noun in it",
    "shared": "the noun that is shared",
    "stuff": "one module for each noun in it",
    "tools": "the verb a person types, in cli/",
    "util": "the noun it acts on",
    "utils": "the noun it acts on",
}
TEXT_SUFFIXES = frozenset(
    {"", ".css", ".html", ".js", ".json", ".md", ".mjs", ".py", ".sql", ".toml", ".wat", ".zig", ".c"}
)
MACHINE_PATH = re.compile(r"(?<![\w.}>])/(?:root|home|Users|work)/[\w.]")
SILENCER = re.compile(
    r"#\s*(?:type: ?ignore|noqa|pragma: no cover)(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|\[[\w,\s-]+\])?"
)


@cache
def sources() -> tuple[Path, ...]:
    """Every Python file of the repository."""
    inside = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return tuple(sorted([*ROOT.glob("*.py"), *inside]))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def place(path: Path, line: int = 1) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def is_test(path: Path) -> bool:
    return path.is_relative_to(ROOT / "tests")


def report(faults: list[str], remedy: str) -> None:
    assert not faults, "\n".join([remedy, *faults])


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def comments(path: Path) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree(path)):
        match node:
            case ast.Import():
                yield from ((node.lineno, alias.name) for alias in node.names)
            case ast.ImportFrom():
                yield node.lineno, node.module or "."
            case _:
                continue


def texts() -> Iterator[Path]:
    """Every file a person reads, in the folders of the repository and beside them."""
    inside = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
    for path in sorted([*ROOT.glob("*"), *inside]):
        is_ours = path.suffix in TEXT_SUFFIXES and "__pycache__" not in path.parts and path != Path(__file__)
        if is_ours and path.is_file():
            yield path


def test_the_files_are_found() -> None:
    assert {package for package in PACKAGES if (ROOT / package / "__init__.py") in sources()} == set(PACKAGES)
    assert Path(__file__) in sources()


def test_functions_are_short() -> None:
    long = [
        f"{place(path, node.lineno)} {node.name}: {lines} lines"
        for path in sources()
        for node in functions(path)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    report(long, f"Split it where a step has a name of its own; the bound is {FUNCTION_LINES_MAX} lines.")


def test_files_are_short_outside_the_tests() -> None:
    long = [
        f"{place(path)} {lines} lines, at most {lines_max(path)}"
        for path in sources()
        if not is_test(path)
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > lines_max(path)
    ]
    report(long, "Move one noun to a module of its own.")


def lines_max(path: Path) -> int:
    return AGGREGATE_LINES_MAX if path.is_relative_to(ROOT / "domain") else FILE_LINES_MAX


def test_module_names_are_nouns_of_the_business() -> None:
    vague = [
        f"{place(path)}: instead of `{word}` write {VAGUE_NAMES[word]}"
        for path in sources()
        for part in path.relative_to(ROOT).with_suffix("").parts
        for word in part.lower().split("_")
        if word in VAGUE_NAMES
    ]
    report(vague, "Name the module after what it holds.")


def test_every_module_says_what_it_is_for() -> None:
    silent = [place(path) for path in sources() if not (ast.get_docstring(tree(path)) or "").strip()]
    report(silent, "Begin the module with a docstring: what it is for, who calls it, what it promises.")


def test_every_package_folder_is_a_package() -> None:
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    bare = [place(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()]
    report(
        bare, "Add an `__init__.py` with a docstring, else mypy takes the folder for a library of that name."
    )


def test_no_package_marker_stands_below_tests() -> None:
    markers = [place(path) for path in sources() if is_test(path) and path.name == "__init__.py"]
    report(markers, "Delete it: the tests mirror the packages and would shadow them.")


def test_every_silenced_check_gives_its_reason() -> None:
    bare = [
        f"{place(path, line)} {comment}"
        for path in sources()
        for line, comment in comments(path)
        for match in SILENCER.finditer(comment)
        if len(comment[match.end() :].strip(" -#")) < REASON_CHARACTERS_MIN
    ]
    report(bare, "Write `# noqa: CODE - why here`, or `# type: ignore[code]  # why`, or repair the cause.")


def test_the_domain_imports_the_standard_library_alone() -> None:
    known = {*sys.stdlib_module_names, "domain"}
    foreign = [
        f"{place(path, line)} {name}"
        for path in sources()
        if path.is_relative_to(ROOT / "domain")
        for line, name in imports(path)
        if name.partition(".")[0] not in known
    ]
    report(foreign, "Hand the value in: the domain knows no library.")


def test_no_file_names_a_place_on_one_machine() -> None:
    found = [
        f"{place(path, number)} {match.group()}…"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for match in MACHINE_PATH.finditer(line)
    ]
    report(found, "Take the path from an argument, a setting or the file's own place.")
