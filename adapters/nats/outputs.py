"""Output of attempts, read from the `JOB_OUTPUT` stream: once, for a finished past, or followed into the present.

Used by the intake (is a success complete?) and by the API (streams, output so far). Output is a claim: only the island
that held the attempt is read, chunks of other attempts are passed over, the first copy of a chunk counts, and anything
unreadable is not there. One tail per process feeds every follower; bytes are not kept in memory beyond their followers.
"""

import asyncio
import hashlib
from array import array
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from adapters import wire
from adapters.claim_glance import job_named
from adapters.nats import subjects
from adapters.nats.replies import ask, position_of, read_batches
from adapters.nats.tail import StreamTail
from commands.intake import Collected
from domain.claim import wire_id
from domain.ids import IslandId, JobId
from domain.job_events import Output

REREAD_FIRST_S: Final = 0.01
EARLY_BYTES_MAX: Final = 8 << 20
"""What may wait for a chunk that is missing. An honest island has 64 messages of 32 KiB on their way at most."""
CONFLICTS_MAX: Final = 16
FOLLOWER_QUEUE_MAX: Final = 2_000
"""Messages a slow follower may be behind; beyond that it reads the stream again instead of memory growing."""


class ChunkKind(StrEnum):
    TOKEN = "token"  # noqa: S105 - a word of a model, not a password
    PROGRESS = "progress"
    FINAL = "final"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One message of an attempt's output. `seq` counts from 1; progress has none and carries step and total."""

    position: int
    kind: ChunkKind
    seq: int = 0
    content: str = ""
    step: int = 0
    total: int = 0


OUTPUT_DECODER: Final = wire.decoder(wire.JobOutput)
PROGRESS_DECODER: Final = wire.decoder(wire.JobProgress)


def chunk_of(subject: str, body: bytes, position: int, named: str) -> Chunk | None:
    """The chunk a message carries, if it is one of the attempt `named` on the wire."""
    try:
        if subject.endswith(".progress"):
            progress = PROGRESS_DECODER.decode(body)
            if progress.job_id != named:
                return None
            return Chunk(position=position, kind=ChunkKind.PROGRESS, step=progress.step, total=progress.total)
        output = OUTPUT_DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if output.job_id != named:
        return None
    kind = ChunkKind.FINAL if output.is_final else ChunkKind.TOKEN
    return Chunk(position=position, kind=kind, seq=output.seq, content=output.chunk)


class Assembly:
    """Chunks in the order of their numbers: the first copy counts, later ones wait for those before them.

    Of what has been counted eight bytes a chunk are kept, to tell a copy from a conflict.
    """

    def __init__(self, *, after: int) -> None:
        self.last = after
        self.chunks = 0
        self.output_bytes = 0
        self.is_complete = False
        self._digest = hashlib.sha256()
        self._marks = array("q")
        self._early: dict[int, Chunk] = {}
        self._early_bytes = 0
        self._conflicting: list[int] = []

    def add(self, chunk: Chunk) -> list[Chunk]:
        """The chunks that are in order now, `chunk` and those that waited for it."""
        if chunk.kind is ChunkKind.PROGRESS:
            return [] if self.is_complete else [chunk]
        if self._is_known(chunk):
            return []
        if chunk.seq > self.chunks + 1:
            self._keep_early(chunk)
            return []
        ready: list[Chunk] = []
        following: Chunk | None = chunk
        while following:
            ready.append(following)
            self._count(following)
            following = None if self.is_complete else self._take_early(self.chunks + 1)
        return ready

    def _is_known(self, chunk: Chunk) -> bool:
        """Whether the chunk adds nothing; a copy that differs from the first is noted."""
        if not 0 < chunk.seq <= len(self._marks):
            first = self._early.get(chunk.seq)
            is_same = first is None or mark_of(first) == mark_of(chunk)
            is_known = chunk.seq < 1 or first is not None or self.is_complete
        else:
            is_same, is_known = self._marks[chunk.seq - 1] == mark_of(chunk), True
        if not is_same and len(self._conflicting) < CONFLICTS_MAX:
            self._conflicting.append(chunk.position)
        return is_known

    def _keep_early(self, chunk: Chunk) -> None:
        size = len(chunk.content)
        if self._early_bytes + size <= EARLY_BYTES_MAX:
            self._early[chunk.seq] = chunk
            self._early_bytes += size

    def _take_early(self, seq: int) -> Chunk | None:
        chunk = self._early.pop(seq, None)
        self._early_bytes -= len(chunk.content) if chunk else 0
        return chunk

    def _count(self, chunk: Chunk) -> None:
        self.last = max(self.last, chunk.position)
        content = chunk.content.encode()
        self._digest.update(content)
        self.output_bytes += len(content)
        self._marks.append(mark_of(chunk))
        if chunk.kind is ChunkKind.FINAL:
            self.is_complete = True
        else:
            self.chunks += 1

    def collected(self, after: int) -> Collected:
        output = Output(
            digest=f"sha256:{self._digest.hexdigest()}",
            chunks=self.chunks,
            output_bytes=self.output_bytes,
            after=after,
            last=self.last,
        )
        return Collected(
            output=output,
            is_complete=self.is_complete,
            has_gap=bool(self._early),
            conflicting=tuple(self._conflicting),
        )


def mark_of(chunk: Chunk) -> int:
    """Eight bytes that tell a copy from a different chunk; Python keys the hash anew in every process."""
    return hash((chunk.content, chunk.kind))


class Outputs:
    """Keeps `commands.intake.Outputs` and serves the API. `run` must be running for `follow` to see the present."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._position = 0
        self._followers: dict[str, set[asyncio.Queue[Chunk | None]]] = {}

    @property
    def position(self) -> int:
        """The newest position of the stream seen here."""
        return self._position

    async def first_position(self) -> int:
        """The oldest message that is still stored, or the next one where there is none. Raises `Unanswered`."""
        return await self._stored_position("first_seq")

    async def run(self, heard: Callable[[IslandId, bytes, int], None] | None = None) -> None:
        """Follows the stream until cancelled, from its present end.

        `heard` is told of every message: whose it is, its body, and when the server stored it.
        """
        self._position = await self._stored_position("last_seq")
        async for batch in StreamTail(self._client, subjects.JOB_OUTPUT).batches(after=self._position):
            for one in batch:
                self._hand_out(one.message, one.position)
                if heard is not None:
                    heard(speaker_of(one.message), one.message.data, one.stored_at_ms)
            self._position = batch[-1].position

    async def _stored_position(self, of: str) -> int:
        answer = await ask(self._client, f"$JS.API.STREAM.INFO.{subjects.JOB_OUTPUT}")
        return int(answer["state"][of])

    def _hand_out(self, message: Msg, position: int) -> None:
        if not self._followers:
            return
        named = job_named(message.data)
        for queue in tuple(self._followers.get(f"{speaker_of(message)}/{named}", ())):
            chunk = chunk_of(message.subject, message.data, position, named)
            if chunk is None:
                continue
            try:
                queue.put_nowait(chunk)
            except asyncio.QueueFull:
                self._drop(queue)

    @staticmethod
    def _drop(queue: asyncio.Queue[Chunk | None]) -> None:
        """Ends a follower that is too slow: it empties what it has and then reads the stream again."""
        queue.get_nowait()
        queue.put_nowait(None)

    async def collect(
        self, island_id: IslandId, job_id: JobId, attempt: int, *, after: int, wait_s: float
    ) -> Collected:
        assembly, position, pause_s = Assembly(after=after), after, REREAD_FIRST_S
        waited_s = 0.0
        while True:
            async for chunk in self._stored(island_id, wire_id(job_id, attempt), position):
                position = chunk.position
                assembly.add(chunk)
            if assembly.is_complete or waited_s >= wait_s:
                return assembly.collected(after)
            await asyncio.sleep(pause_s)
            waited_s += pause_s
            pause_s *= 2

    async def read(
        self, island_id: IslandId, job_id: JobId, attempt: int, *, after: int, up_to: int | None = None
    ) -> AsyncIterator[Chunk]:
        """The stored chunks behind position `after`, in the order of their numbers."""
        assembly = Assembly(after=after)
        async for chunk in self._stored(island_id, wire_id(job_id, attempt), after, up_to):
            for ready in assembly.add(chunk):
                yield ready

    async def has_text(self, island_id: IslandId, job_id: JobId, attempt: int, *, after: int) -> bool:
        """Whether the attempt has put out its first chunk behind position `after`."""
        async for chunk in self.read(island_id, job_id, attempt, after=after):
            if chunk.kind is ChunkKind.TOKEN:
                return True
        return False

    async def follow(
        self, island_id: IslandId, job_id: JobId, attempt: int, *, after: int, resume_after: int = 0
    ) -> AsyncIterator[Chunk]:
        """From the stored past into the present, in order; ends after the final chunk. Else it waits for ever.

        `after` is where the attempt's output begins; chunks up to position `resume_after` are passed over.
        """
        assembly = Assembly(after=after)
        named = wire_id(job_id, attempt)
        position = after
        while not assembly.is_complete:
            async for chunk in self._follow_once(island_id, named, position):
                position = max(position, chunk.position)
                for ready in assembly.add(chunk):
                    if ready.position > resume_after:
                        yield ready
                if assembly.is_complete:
                    return

    async def _follow_once(self, island_id: IslandId, named: str, after: int) -> AsyncIterator[Chunk]:
        """Past and present of one attempt, as stored; ends when the reader has fallen behind."""
        queue: asyncio.Queue[Chunk | None] = asyncio.Queue(FOLLOWER_QUEUE_MAX)
        followers = self._followers.setdefault(f"{island_id}/{named}", set())
        followers.add(queue)
        try:
            async for chunk in self._stored(island_id, named, after):
                after = chunk.position
                yield chunk
            while (live := await queue.get()) is not None:
                if live.position > after:
                    yield live
        finally:
            followers.discard(queue)
            if not followers:
                self._followers.pop(f"{island_id}/{named}", None)

    async def _stored(
        self, island_id: IslandId, named: str, after: int, up_to: int | None = None
    ) -> AsyncIterator[Chunk]:
        pattern = f"host.{island_id}.*"
        batches = read_batches(self._client, subjects.JOB_OUTPUT, pattern, start=after + 1, up_to=up_to)
        async for batch in batches:
            for message in batch:
                headers = message.headers or {}
                chunk = chunk_of(headers["Nats-Subject"], message.data, position_of(message), named)
                if chunk is not None:
                    yield chunk


def speaker_of(message: Msg) -> IslandId:
    return IslandId(message.subject.split(".")[1])
