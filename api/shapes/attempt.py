"""An attempt of a job: where it ran, why there, and how it ended."""

from typing import Any

import msgspec

from api.shapes.amounts import decimal_text
from api.shapes.present import instant, maybe_instant, present
from projections.attempts import AttemptRow


def attempt_shape(row: AttemptRow) -> dict[str, Any]:
    return present(
        {
            "attempt": row.attempt,
            "host_id": row.island_id,
            "price": decimal_text(row.price_micro),
            "assigned_at": instant(row.assigned_at_ms),
            "started_at": maybe_instant(row.started_at_ms),
            "ended_at": maybe_instant(row.ended_at_ms),
            "ending": row.ending,
            "grade": row.grade,
            "code": row.code,
            "detail": row.detail,
            **placement_shape(row),
        }
    )


def placement_shape(row: AttemptRow) -> dict[str, Any]:
    """The whole answer of the placement as it was recorded: winner, scores, counted refusals."""
    explanation = row.explanation
    winner = next((c for c in explanation.candidates if c.island_id == row.island_id), None)
    return {
        "winner": None if winner is None else msgspec.to_builtins(winner),
        "candidates": msgspec.to_builtins(explanation.candidates),
        "refusals": msgspec.to_builtins(explanation.refusals),
        "considered": explanation.considered,
        "rules_version": explanation.rules_version,
        "view_position": explanation.view_position,
    }
