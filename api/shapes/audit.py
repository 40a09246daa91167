"""A blast radius and a proof of the books, as an operator reads them."""

from typing import Any

from api.shapes.amounts import decimal_text
from api.shapes.present import instant, present
from projections.book_reads import Proof, TouchedJob


def touched_shape(row: TouchedJob, *, output_first: int | None, rerun_id: str | None) -> dict[str, Any]:
    """`output_first` is the oldest output that is still stored, None where that cannot be known now."""
    is_stored = None if row.output_last is None or output_first is None else row.output_last >= output_first
    return present(
        {
            "job_id": row.job_id,
            "account_id": row.account_id,
            "workload": row.cargo_slug,
            "workload_version": row.cargo_version,
            "artifact_digest": row.artifact_digest,
            "state": row.state,
            "hosts": row.islands,
            "created_at": instant(row.submitted_at_ms),
            "output_digest": row.output_digest,
            "output_bytes": row.output_bytes,
            "output_stored": is_stored,
            "charged": decimal_text(row.charged_micro),
            "refunded": decimal_text(row.refunded_micro),
            "settlement": row.settlement,
            "rerun_id": rerun_id,
            "position": row.created_position,
        }
    )


def proof_shape(proof: Proof) -> dict[str, Any]:
    chain = proof.chain
    return {
        "right": proof.is_right,
        "sum": decimal_text(proof.sum_micro),
        "unexplained": texts(proof.unexplained_micro),
        "held_for_ended_jobs": texts(proof.held_for_ended_jobs_micro),
        "uncleared": texts(proof.uncleared_micro),
        "entries": 0 if chain is None else chain.entries,
        "digest": "" if chain is None else chain.digest,
        "position": 0 if chain is None else chain.position,
    }


def texts(amounts_micro: dict[str, int]) -> dict[str, str]:
    return {name: decimal_text(amount) for name, amount in amounts_micro.items()}
