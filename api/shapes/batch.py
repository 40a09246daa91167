"""A batch and its parts, as its owner reads them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.shapes.amounts import decimal_text
from api.shapes.job import error_text
from api.shapes.present import instant, present
from domain.job_state import Phase
from projections.batch_facts import BatchFacts
from projections.jobs import JobRow

NOT_STARTED: Final = {Phase.RUNNING: Phase.SUBMITTED}
"""Where a part stands that is no job yet: it waits while its batch runs, and never begins once that has stopped."""


def batch_shape(row: JobRow, parts: Sequence[JobRow]) -> dict[str, Any]:
    """A batch that was just submitted."""
    facts = facts_in(row)
    return {
        "id": row.job_id,
        "state": row.state,
        "workload": row.cargo_slug,
        "batch": {
            **terms(facts),
            "max_parallelism": facts.parallelism_max,
            "completed": facts.succeeded,
            "failed": facts.failed,
        },
        "children": children(row, parts),
        "created_at": instant(row.submitted_at_ms),
        "position": row.position,
    }


def batch_status_shape(row: JobRow, parts: Sequence[JobRow]) -> dict[str, Any]:
    """Where a batch stands, part by part."""
    shown = children(row, parts)
    states = [child["state"] for child in shown]
    return present(
        {
            "parent_id": row.job_id,
            "parent_state": row.state,
            "error": error_text(row),
            **terms(facts_in(row)),
            "charged": decimal_text(sum(part.charged_micro or 0 for part in parts)),
            "child_states": {state: states.count(state) for state in sorted(set(states))},
            "children": shown,
        }
    )


def terms(facts: BatchFacts) -> dict[str, Any]:
    return {
        "chunk_count": len(facts.parts),
        "merge_strategy": facts.merge,
        "fail_mode": facts.fail_mode,
    }


def children(row: JobRow, parts: Sequence[JobRow]) -> list[dict[str, Any]]:
    """Every part in the order of the inputs, also those that have not become jobs."""
    found: Mapping[str, JobRow] = {part.job_id: part for part in parts}
    return [child(index, job_id, row, found.get(job_id)) for index, job_id in enumerate(facts_in(row).parts)]


def child(index: int, job_id: str, row: JobRow, part: JobRow | None) -> dict[str, Any]:
    if part is None:
        state = NOT_STARTED.get(row.state, Phase.CANCELLED)
        return {"id": job_id, "batch_index": index, "state": state}
    return present(
        {
            "id": job_id,
            "batch_index": index,
            "state": part.state,
            "error": error_text(part),
            "host_id": part.island_id,
        }
    )


def facts_in(row: JobRow) -> BatchFacts:
    assert row.batch is not None, "only a batch has parts"
    return row.batch
