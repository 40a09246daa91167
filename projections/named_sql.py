"""SQL stays SQL: statements live in `.sql` files under a name, and Python asks for them by that name.

A file is a sequence of blocks `-- name: <name>`, a comment that says what the statement is for, and the statement.
Used by every projection and by the read model.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

MARK: Final = "-- name:"
MIGRATION: Final = "migration "


class SqlFileUnusable(ValueError):
    """A `.sql` file breaks the form above. The message names the file and the block."""


def load(path: Path) -> Mapping[str, bytes]:
    """The statements of a file by name, in the order of the file."""
    head, *blocks = path.read_text(encoding="utf-8").split(MARK)
    if any(line.strip() and not line.startswith("--") for line in head.splitlines()):
        raise SqlFileUnusable(f"{path.name}: SQL stands before the first `{MARK}`")
    statements: dict[str, bytes] = {}
    for block in blocks:
        name, _, body = block.partition("\n")
        name = name.strip()
        if not name or name in statements:
            raise SqlFileUnusable(f"{path.name}: the name `{name}` is empty or used twice")
        if not body.startswith("-- "):
            raise SqlFileUnusable(f"{path.name}: `{name}` needs a comment that says what it is for")
        statements[name] = body.strip().encode()
    return statements


def migrations(statements: Mapping[str, bytes]) -> tuple[bytes, ...]:
    """The statements `migration 1`, `migration 2`, ... of a file, in order and without a hole."""
    found = {name: sql for name, sql in statements.items() if name.startswith(MIGRATION)}
    expected = [f"{MIGRATION}{number}" for number in range(1, len(found) + 1)]
    if list(found) != expected:
        raise SqlFileUnusable(f"migrations must be numbered from 1 in order: {list(found)}")
    return tuple(found.values())
