"""Small conversions that every shape needs: instants as ISO 8601, absent instead of null."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def instant(at_ms: int) -> str:
    """Unix milliseconds as `2026-11-23T12:00:00.000Z`."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def maybe_instant(at_ms: int | None) -> str | None:
    return None if at_ms is None else instant(at_ms)


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}
