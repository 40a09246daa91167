"""From pieces of text to numbered, stored chunks of output: one writer for each attempt.

Text is gathered for at most GATHER_S or until a chunk is full, and every chunk is stored on its own: order is in the
numbers. Memory is bounded by the attempt's `limits.output_bytes`, because the runtime ends a cargo that writes more.
"""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from adapters.wire import CHUNK_BYTES_MAX, JobOutput, WireUsage
from island.attempt_key import AttemptKey
from island.fabric import Fabric

GATHER_S: Final = 0.020
RESULT_JSON: Final = "json"
RESULT_TEXT: Final = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was stored: number of chunks, and `sha256:` over their UTF-8 bytes in order."""

    count: int
    digest: str


class OutputWriter:
    def __init__(self, fabric: Fabric, key: AttemptKey) -> None:
        self._fabric = fabric
        self._key = key
        self._pieces: list[str] = []
        self._gathered_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._count = 0
        self._hash = hashlib.sha256()
        self._storing: set[asyncio.Task[None]] = set()

    def add(self, text: str) -> None:
        for piece in pieces_of(text):
            size = encoded_bytes(piece)
            if self._gathered_bytes + size > CHUNK_BYTES_MAX:
                self._flush()
            self._pieces.append(piece)
            self._gathered_bytes += size
        if self._pieces and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self._flush)

    async def finish(self, usage: WireUsage, result_type: str) -> Written:
        """Returns when every chunk and the final message are stored. Nothing may be added afterwards."""
        self._flush()
        written = Written(count=self._count, digest=f"sha256:{self._hash.hexdigest()}")
        self._store(
            JobOutput(
                job_id=self._key.wire_id,
                attempt=self._key.attempt,
                seq=self._count + 1,
                is_final=True,
                count=written.count,
                digest=written.digest,
                usage=usage,
                result_type=result_type,
            )
        )
        await self.settle()
        return written

    async def settle(self) -> None:
        """Everything that was added so far is stored."""
        self._flush()
        await asyncio.gather(*self._storing)

    def abandon(self) -> None:
        """Nobody wants the rest. Harmless after `finish`."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._storing:
            task.cancel()

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pieces:
            return
        chunk = "".join(self._pieces)
        self._pieces.clear()
        self._gathered_bytes = 0
        self._count += 1
        self._hash.update(chunk.encode())
        self._store(
            JobOutput(job_id=self._key.wire_id, attempt=self._key.attempt, seq=self._count, chunk=chunk)
        )

    def _store(self, message: JobOutput) -> None:
        task = asyncio.create_task(self._fabric.store_output(message))
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)


def encoded_bytes(text: str) -> int:
    """How long `text` is inside a message. Escapes make it up to six times its UTF-8, never shorter."""
    return len(msgspec.json.encode(text)) - 2


def pieces_of(text: str) -> Iterator[str]:
    """`text` in order, in parts of which each fits into a chunk; no character is cut."""
    if encoded_bytes(text) <= CHUNK_BYTES_MAX:
        if text:
            yield text
        return
    middle = len(text) // 2
    yield from pieces_of(text[:middle])
    yield from pieces_of(text[middle:])
