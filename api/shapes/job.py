"""A job, as its owner reads it, and the words of both vocabularies for where it stands."""

from typing import Any, Final

import msgspec

from api.shapes.amounts import decimal_text, number
from api.shapes.present import instant, maybe_instant, present
from domain.failure import Failure, JobEnd
from domain.job_state import Phase
from domain.pricing import PriceUnit
from projections.jobs import JobRow

TIME_OUT_CODES: Final = frozenset({Failure.TIMED_OUT.value, JobEnd.UNPLACEABLE.value})
ENDED: Final = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED})
STATES_OF_WORD: Final = {
    "submitted": (Phase.SUBMITTED,),
    "assigned": (Phase.ASSIGNED,),
    "running": (Phase.ASSIGNED, Phase.RUNNING),
    "succeeded": (Phase.SUCCEEDED,),
    "failed": (Phase.FAILED,),
    "cancelled": (Phase.CANCELLED,),
    "pending": (Phase.SUBMITTED,),
    "queued": (Phase.SUBMITTED,),
    "completed": (Phase.SUCCEEDED,),
    "timeout": (Phase.FAILED,),
}
"""Which states a `?status=` asks for, in either vocabulary."""


def job_shape(row: JobRow, *, cargo_number: int | None, output: str | None = None) -> dict[str, Any]:
    """`cargo_number` is the cargo's public number, `output` the text of a finished job where it was read."""
    text = error_text(row)
    shape = {
        "id": row.job_id,
        "workload": row.cargo_slug,
        "state": row.state,
        "input": msgspec.Raw(row.input_json.encode()),
        "output": None if output is None else {"text": output},
        "error": text,
        "error_code": row.error_code,
        "created_at": instant(row.submitted_at_ms),
        "started_at": maybe_instant(row.started_at_ms),
        "completed_at": maybe_instant(row.ended_at_ms),
        "attempt": row.attempt,
        "host_id": row.island_id,
        "queue_reasons": queue_reasons(row),
        "priority": row.priority,
        "region": row.region,
        "batch_id": row.batch_id,
        "batch_index": row.batch_index if row.batch_id else None,
        "bid_price": decimal_text(row.bid_micro),
        "bid_source": row.bid_source,
        **metered_shape(row),
        **compared_shape(row),
        "charged": charged_text(row),
        "workload_version": row.cargo_version,
        "position": row.position,
    }
    data = {
        "id": row.job_id,
        "workload_id": cargo_number,
        "workload_slug": row.cargo_slug,
        "status": status_word(row),
        "input": shape["input"],
        "output": output,
        "error": text,
        "created_at": shape["created_at"],
        "started_at": shape["started_at"],
        "completed_at": shape["completed_at"],
        "duration_ms": duration_ms(row),
        "usage": usage_shape(row),
    }
    return present({**shape, "data": present(data)})


def metered_shape(row: JobRow) -> dict[str, Any]:
    """What a unit may cost and how many were charged, where the cargo is priced by the unit."""
    if row.price_unit is PriceUnit.JOB:
        return {}
    unit_bid = decimal_text(row.unit_bid_micro) if row.unit_bid_micro else None
    return {"price_unit": row.price_unit, "unit_price": unit_bid, "units": row.units}


def compared_shape(row: JobRow) -> dict[str, Any]:
    """How many runs the job has and what comparing them came to, once it did."""
    if row.verdict is None:
        return {"redundancy": row.redundancy, "check_id": row.check_id}
    runs = [{"job_id": run.job_id, "host_id": run.island_id, "vote": run.vote} for run in row.verdict.runs]
    verdict = {
        "outcome": row.verdict.outcome,
        "reason": row.verdict.reason,
        "answer_id": row.verdict.answer_id,
        "runs": runs,
    }
    return {"redundancy": row.redundancy, "check_id": row.check_id, "verdict": verdict}


def charged_text(row: JobRow) -> str | None:
    """What the job cost, all of its runs together."""
    if row.redundancy > 1 and row.verdict is not None:
        return decimal_text(row.verdict.charged_micro)
    return None if row.charged_micro is None else decimal_text(row.charged_micro)


def queue_reasons(row: JobRow) -> list[dict[str, Any]] | None:
    """Why no island has taken the job yet, counted."""
    if row.state is not Phase.SUBMITTED or not row.refusals:
        return None
    return [{"code": refusal.code, "count": refusal.count} for refusal in row.refusals]


def status_word(row: JobRow) -> str:
    """The SDKs' word for where the job stands."""
    match row.state:
        case Phase.SUBMITTED:
            return "queued" if row.attempt or row.refusals else "pending"
        case Phase.ASSIGNED | Phase.RUNNING:
            return "running"
        case Phase.SUCCEEDED:
            return "completed"
        case Phase.CANCELLED:
            return "cancelled"
        case _:
            return "timeout" if row.error_code in TIME_OUT_CODES else "failed"


def error_text(row: JobRow) -> str | None:
    return None if row.error_code is None else row.error_detail or row.error_code


def duration_ms(row: JobRow) -> int | None:
    if row.started_at_ms is None or row.ended_at_ms is None:
        return None
    return row.ended_at_ms - row.started_at_ms


def usage_shape(row: JobRow) -> dict[str, Any] | None:
    """What a successful job used. Tokens the cargo does not report: 4 characters or one chunk count as one."""
    if row.state is not Phase.SUCCEEDED or row.output is None or row.usage is None:
        return None
    prompt, completion = row.usage.prompt_tokens, row.usage.completion_tokens
    prompt = -(-len(row.input_json) // 4) if prompt is None else prompt
    completion = row.output.chunks if completion is None else completion
    charged_micro = row.price_micro if row.charged_micro is None else row.charged_micro
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "credits_used": number(charged_micro or 0),
    }
