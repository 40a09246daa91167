"""An attempt of a job: where it ran, why there, and how it ended."""

from collections.abc import Sequence
from typing import Any

import msgspec

from api.shapes.amounts import decimal_text
from api.shapes.present import instant, maybe_instant, present
from domain.placement import RefusalCount
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


def refusals_shape(refusals: Sequence[RefusalCount]) -> list[dict[str, Any]]:
    """Each rule with how many islands it turned down, and the id of one of them as an example."""
    shapes: list[dict[str, Any]] = msgspec.to_builtins(refusals)
    return list(shapes)


def placement_shape(row: AttemptRow) -> dict[str, Any]:
    """The whole answer of the placement as it was recorded: winner, scores, counted refusals."""
    explanation = row.explanation
    winner = next((c for c in explanation.candidates if c.island_id == row.island_id), None)
    return {
        "winner": None if winner is None else msgspec.to_builtins(winner),
        "candidates": msgspec.to_builtins(explanation.candidates),
        "refusals": refusals_shape(explanation.refusals),
        "considered": explanation.considered,
        "rules_version": explanation.rules_version,
        "view_position": explanation.view_position,
    }
