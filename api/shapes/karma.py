"""An island's karma, and every change of it, as its owner reads them."""

from collections.abc import Iterable
from typing import Any

from api.shapes.present import instant, present
from commands.karma_statement import WORK, KarmaChange, KarmaStatement, terms_of
from domain.ids import IslandId
from domain.karma import MINUTE_MS, MINUTES_PER_POINT, NEWCOMER_PERMILLE, PAYOUT_KARMA


def karma_shape(island_id: IslandId, statement: KarmaStatement) -> dict[str, Any]:
    """`terms` add up to `karma`; the hours until payouts are of work at the multiplier below them."""
    minutes = sum(change.worked_ms for change in statement.changes) // MINUTE_MS
    deficit = max(0, PAYOUT_KARMA - statement.karma)
    missing_minutes = max(0, deficit * MINUTES_PER_POINT - statement.pending_minutes)
    shape = {
        "host_id": island_id,
        "karma": statement.karma,
        "pending_minutes": statement.pending_minutes,
        "total_compute_minutes": minutes,
        "total_compute_hours": round(minutes / 60, 2),
        "can_monetize": not deficit,
        "karma_deficit": deficit,
        "hours_until_monetization": round(missing_minutes / 60 * 1000 / NEWCOMER_PERMILLE, 2),
        "events_by_type": by_cause(statement.changes),
    }
    terms = [
        {"cause": term.cause, "delta": term.delta, "count": term.count, "job_ids": list(term.job_ids)}
        for term in terms_of(statement.changes)
    ]
    return {**shape, "terms": terms, "data": shape}


def by_cause(changes: Iterable[KarmaChange]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for change in changes:
        total = found.setdefault(change.cause, {"count": 0, "total_delta": 0, "total_minutes": 0})
        total["count"] += 1
        total["total_delta"] += change.delta
        total["total_minutes"] += change.worked_ms // MINUTE_MS
    return found


def change_shape(change: KarmaChange) -> dict[str, Any]:
    """`id` is the address of the event in the log: position and index."""
    shape = {
        "id": f"{change.position}.{change.index}",
        "event_type": change.cause,
        "delta": change.delta,
        "balance_after": change.karma,
        "compute_minutes": change.worked_ms // MINUTE_MS,
        "was_monetizing": change.karma - change.delta >= PAYOUT_KARMA,
        "job_id": change.job_id,
        "reason": reason_text(change),
        "created_at": instant(change.at_ms),
        "rules_version": change.rules_version,
    }
    return present({**shape, "data": present(shape)})


def reason_text(change: KarmaChange) -> str:
    """In words what the change was for."""
    if change.cause != WORK:
        return change.cause.replace("_", " ")
    worked = duration_text(change.worked_ms)
    times = f"{change.multiplier_permille / 1000:g}"
    return f"{worked} of work x {times}" + ("" if change.delta else ", towards the next point")


def duration_text(worked_ms: int) -> str:
    if worked_ms >= MINUTE_MS:
        return f"{worked_ms // MINUTE_MS} min"
    return f"{worked_ms / 1000:.1f} s"
