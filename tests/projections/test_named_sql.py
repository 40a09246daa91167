"""SQL files are read strictly: a slip in one stops the program at import, with the file's name."""

from pathlib import Path

import pytest

from projections import named_sql
from projections.named_sql import SqlFileUnusable


def written(folder: Path, text: str) -> Path:
    path = folder / "some.sql"
    path.write_text(text, encoding="utf-8")
    return path


def test_statements_are_found_by_name_with_their_comment(tmp_path: Path) -> None:
    path = written(
        tmp_path, "-- Head.\n\n-- name: one\n-- What for.\nSELECT 1;\n\n-- name: two\n-- Why.\nSELECT 2;\n"
    )
    assert named_sql.load(path) == {"one": b"-- What for.\nSELECT 1;", "two": b"-- Why.\nSELECT 2;"}


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 0;\n-- name: one\n-- What for.\nSELECT 1;",
        "-- name: one\n-- What for.\nSELECT 1;\n-- name: one\n-- What for.\nSELECT 2;",
        "-- name:\n-- What for.\nSELECT 1;",
        "-- name: one\nSELECT 1;",
    ],
    ids=["before the first name", "a name twice", "no name", "no comment"],
)
def test_a_slip_names_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(SqlFileUnusable, match=r"some\.sql"):
        named_sql.load(written(tmp_path, text))


def test_migrations_come_in_their_order() -> None:
    statements = {"migration 1": b"a", "other": b"b", "migration 2": b"c"}
    assert named_sql.migrations(statements) == (b"a", b"c")


@pytest.mark.parametrize(
    "names", [("migration 2",), ("migration 2", "migration 1"), ("migration 1", "migration 3")]
)
def test_a_hole_in_the_migrations_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(SqlFileUnusable, match="numbered from 1"):
        named_sql.migrations(dict.fromkeys(names, b""))
