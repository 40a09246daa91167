"""The stream of outputs: what islands printed, in the order in which it was stored.

Chunks are put together by the product's own `Assembly`, and what a success claims is compared with what it says.
"""

from collections.abc import Sequence
from typing import Final

from adapters.nats.outputs import Assembly, Chunk, ChunkKind
from commands.intake import Collected
from domain.ids import IslandId, JobId
from tests.simulation.line import Line

Attempt = tuple[IslandId, JobId, int]

NONE: Final[Sequence[Chunk]] = ()


class OutputServer:
    def __init__(self) -> None:
        self.position = 0
        self._chunks: dict[Attempt, list[Chunk]] = {}

    def store(self, of: Attempt, *, seq: int, text: str, is_final: bool) -> None:
        self.position += 1
        kind = ChunkKind.FINAL if is_final else ChunkKind.TOKEN
        chunk = Chunk(position=self.position, kind=kind, seq=seq, content=text)
        self._chunks.setdefault(of, []).append(chunk)

    def has_text(self, of: Attempt, *, after: int = 0) -> bool:
        return any(chunk.content and chunk.position > after for chunk in self._chunks.get(of, NONE))

    def collected(self, of: Attempt, *, after: int) -> Collected:
        assembly = Assembly(after=after)
        for chunk in self._chunks.get(of, NONE):
            if chunk.position > after:
                assembly.add(chunk)
        return assembly.collected(after)


class OutputClient:
    """Keeps `commands.intake.Outputs` and `commands.batch_parts.Printed`.

    `position` is what the placing of attempts starts counting from.
    """

    def __init__(self, server: OutputServer, line: Line) -> None:
        self._server = server
        self._line = line

    @property
    def position(self) -> int:
        return self._server.position

    async def collect(
        self, island_id: IslandId, job_id: JobId, attempt: int, *, after: int, wait_s: float
    ) -> Collected:
        of = (island_id, job_id, attempt)
        await self._line.cross()
        collected = self._server.collected(of, after=after)
        if not collected.is_complete:
            await self._line.cross(after_s=wait_s)
            collected = self._server.collected(of, after=after)
        return collected

    async def has_text(self, island_id: IslandId, job_id: JobId, attempt: int, *, after: int) -> bool:
        await self._line.cross()
        return self._server.has_text((island_id, job_id, attempt), after=after)
