"""Batches of commits on their way, with a word now and then about how far they are. Used by export and restore."""

from collections.abc import AsyncIterator, Callable, Sequence

from commands.raw_commit import RawCommit


async def told(
    batches: AsyncIterator[Sequence[RawCommit]], what: str, progress: Callable[[str, int], None]
) -> AsyncIterator[Sequence[RawCommit]]:
    async for batch in batches:
        yield batch
        progress(what, batch[-1].position)
