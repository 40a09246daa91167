"""Webhooks and their deliveries as `archipelago webhook …` shows them."""

from collections.abc import Iterable, Mapping
from typing import Any

from cli.job_views import clock_text, maybe_clock_text
from cli.terminal import show_fields, show_table


def show_webhook(row: Mapping[str, Any]) -> None:
    """One webhook; the secret and what waits are shown where the answer has them."""
    show_fields(
        (
            ("webhook", row["id"]),
            ("address", row["url"]),
            ("events", ", ".join(row["events"])),
            ("active", "yes" if row["active"] else f"no ({row['paused_because']})"),
            ("paused", maybe_clock_text(row.get("paused_at"))),
            ("added", clock_text(row["created_at"])),
            ("waiting", row.get("waiting")),
            ("secret", row.get("secret")),
        )
    )


def show_deliveries(rows: Iterable[Mapping[str, Any]]) -> None:
    table = (
        (
            row["position"],
            row["event"],
            row["stream"],
            row["state"].replace("_", " "),
            row["attempts"],
            maybe_clock_text(row.get("tried_at")) or "never",
            row.get("status", row.get("problem", "")),
        )
        for row in rows
    )
    show_table((">POSITION", "EVENT", "ABOUT", "STATE", ">ATTEMPTS", "LAST ATTEMPT", "ANSWER"), table)
