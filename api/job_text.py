"""The text a job has put out, read whole. Used where a client asks for the result instead of following it."""

from typing import Final

from adapters.nats.outputs import ChunkKind
from api.edge import EdgeState
from api.errors import ApiError, ErrorCode
from domain.job_state import Phase
from projections.jobs import JobRow

TEXT_BYTES_MAX: Final = 8 << 20


async def text_so_far(edge: EdgeState, row: JobRow) -> str | None:
    """The text of the present or last attempt; None where a finished output is no longer kept.

    Raises `ApiError` (too_large) above `TEXT_BYTES_MAX`; the stream gives it all.
    """
    if row.island_id is None:
        return ""
    parts: list[str] = []
    size = 0
    is_whole = False
    up_to = None if row.output is None else row.output.last
    async for chunk in edge.services.outputs.read(
        row.island_id, row.job_id, row.attempt, after=row.output_after, up_to=up_to
    ):
        is_whole = is_whole or chunk.kind is ChunkKind.FINAL
        if chunk.kind is ChunkKind.TOKEN:
            parts.append(chunk.content)
            size += len(chunk.content)
        if size > TEXT_BYTES_MAX:
            message = f"output: more than {TEXT_BYTES_MAX} characters; read /jobs/{row.job_id}/stream"
            raise ApiError(ErrorCode.TOO_LARGE, message)
    return None if row.state is Phase.SUCCEEDED and not is_whole else "".join(parts)


async def has_text(edge: EdgeState, row: JobRow) -> bool:
    """Whether the present attempt has put out its first chunk."""
    if row.island_id is None:
        return False
    return await edge.services.outputs.has_text(
        row.island_id, row.job_id, row.attempt, after=row.output_after
    )


async def result_of(edge: EdgeState, row: JobRow) -> str | None:
    """The text of a job that succeeded, where it fits an answer and is still kept."""
    if row.state is not Phase.SUCCEEDED or row.output is None or row.output.output_bytes > TEXT_BYTES_MAX:
        return None
    return await text_so_far(edge, row)
