"""Chat completions, whole and in chunks, and the usage of a call, as OpenAI's clients read them."""

from typing import Any

from api.shapes.job import usage_shape
from api.shapes.present import present
from projections.jobs import JobRow

STOP = "stop"
LENGTH = "length"


def completion(row: JobRow, text: str, finish_reason: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    shape = {**head(row, "chat.completion"), "choices": [choice], "usage": usage_of(row)}
    return present({**shape, "job_id": row.job_id})


def text_chunk(row: JobRow, content: str, *, role: str | None = None) -> dict[str, Any]:
    """The first chunk names the role."""
    delta = present({"role": role, "content": content})
    return chunk(row, [{"index": 0, "delta": delta, "finish_reason": None}])


def last_chunk(row: JobRow, finish_reason: str, usage: dict[str, int] | None) -> dict[str, Any]:
    return chunk(row, [{"index": 0, "delta": {}, "finish_reason": finish_reason}], usage)


def usage_chunk(row: JobRow, usage: dict[str, int] | None) -> dict[str, Any]:
    """For clients that ask for the usage in a chunk of its own."""
    return chunk(row, [], usage)


def chunk(row: JobRow, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> dict[str, Any]:
    shape = {**head(row, "chat.completion.chunk"), "choices": choices, "usage": usage}
    return present({**shape, "job_id": row.job_id})


def head(row: JobRow, kind: str) -> dict[str, Any]:
    """`model` is the cargo that answered, whatever the client called it."""
    return {
        "id": f"chatcmpl-{row.job_id}",
        "object": kind,
        "created": row.submitted_at_ms // 1000,
        "model": row.cargo_slug,
    }


def usage_of(row: JobRow) -> dict[str, int] | None:
    usage = usage_shape(row)
    return usage and {name: usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}


def finish_reason(row: JobRow, *, is_cut: bool, tokens_max: int) -> str:
    usage = usage_of(row)
    is_full = usage is not None and usage["completion_tokens"] >= tokens_max
    return LENGTH if is_full and not is_cut else STOP
