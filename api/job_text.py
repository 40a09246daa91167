"""The text a job has put out, read whole. Used where a client asks for the result instead of following it."""

from typing import Final

from adapters.nats.outputs import ChunkKind
from api.batch_text import merged
from api.edge import EdgeState
from api.errors import ApiError, ErrorCode
from domain.batch_events import Merge
from domain.job_state import Phase
from projections.jobs import JobRow

TEXT_BYTES_MAX: Final = 8 << 20


async def text_so_far(edge: EdgeState, row: JobRow) -> str | None:
    """The text of the present or last attempt; None where a finished output is no longer kept.

    Raises `ApiError` (too_large) above `TEXT_BYTES_MAX`; the stream gives it all.
    """
    if row.batch is not None:
        return await text_of_batch(edge, row, row.batch.merge)
    if row.island_id is None:
        return ""
    parts: list[str] = []
    size = 0
    is_whole = False
    up_to = None if row.output is None else row.output.last
    printed_by = row.verdict.answer_id if row.verdict else row.job_id
    async for chunk in edge.services.outputs.read(
        row.island_id, printed_by, row.attempt, after=row.output_after, up_to=up_to
    ):
        is_whole = is_whole or chunk.kind is ChunkKind.FINAL
        if chunk.kind is ChunkKind.TOKEN:
            parts.append(chunk.content)
            size += len(chunk.content)
        if size > TEXT_BYTES_MAX:
            raise too_large(f"read /jobs/{row.job_id}/stream")
    return None if row.state is Phase.SUCCEEDED and not is_whole else "".join(parts)


async def text_of_batch(edge: EdgeState, row: JobRow, merge: Merge) -> str | None:
    """What the parts that succeeded so far have put out, merged; None where one of them is no longer kept."""
    texts: list[str] = []
    for part in await edge.services.reads.parts(row.job_id):
        if part.state is not Phase.SUCCEEDED:
            continue
        text = await text_so_far(edge, part)
        if text is None:
            return None
        texts.append(text)
        if sum(map(len, texts)) > TEXT_BYTES_MAX:
            raise too_large("read each part's own; see /batch-status")
    return merged(texts, merge)


def too_large(next_step: str) -> ApiError:
    return ApiError(ErrorCode.TOO_LARGE, f"output: more than {TEXT_BYTES_MAX} characters; {next_step}")


async def has_text(edge: EdgeState, row: JobRow) -> bool:
    """Whether the present attempt has put out its first chunk."""
    if row.island_id is None:
        return False
    return await edge.services.outputs.has_text(
        row.island_id, row.job_id, row.attempt, after=row.output_after
    )


async def result_of(edge: EdgeState, row: JobRow) -> str | None:
    """The text of a job that succeeded, where it fits an answer and is still kept."""
    if row.state is Phase.SUCCEEDED and row.batch is not None:
        outputs = [part.output for part in await edge.services.reads.parts(row.job_id)]
        fits = sum(output.output_bytes for output in outputs if output) <= TEXT_BYTES_MAX
        return await text_of_batch(edge, row, row.batch.merge) if fits else None
    if row.state is not Phase.SUCCEEDED or row.output is None or row.output.output_bytes > TEXT_BYTES_MAX:
        return None
    return await text_so_far(edge, row)
