"""A runtime whose cargos are lists of steps: the island's tests drive it in real or in virtual time.

    runtime = ScriptedRuntime(slots=2)
    cargo = runtime.cargo(Say(b"tick\\n"), Sleep(5.0), Exit(7))

It keeps the runtime contract (test_scripted.py), waits on the loop's clock alone, and starts no process.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import assert_never

from adapters.runtime.contract import (
    STDERR_TAIL_BYTES_MAX,
    Artifact,
    Capability,
    End,
    Limits,
    Outcome,
    Prepared,
    Refusal,
    Refused,
    Running,
    RuntimeBroken,
    Stop,
)
from adapters.runtime.line_splitter import LineSplitter

PIPE_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Say:
    content: bytes


@dataclass(frozen=True, slots=True)
class Complain:
    content: bytes


@dataclass(frozen=True, slots=True)
class Echo:
    """Copies the input to the output."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Writes the same for ever."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Sleep:
    seconds: float = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Exit:
    code: int


@dataclass(frozen=True, slots=True)
class Fail:
    """Ends as a real runtime might, `Fail(End.TRAPPED)` or `Fail(End.ISLAND_FAULT)`."""

    end: End
    detail: str = ""


Step = Say | Complain | Echo | Repeat | Sleep | Exit | Fail


@dataclass(frozen=True, slots=True)
class ScriptedPrepared:
    digest: str
    steps: tuple[Step, ...]


class ScriptedRuntime:
    def __init__(self, *, slots: int, memory_mb_max: int = 1024) -> None:
        self._scripts: dict[str, tuple[Step, ...]] = {}
        self._free = asyncio.Semaphore(slots)
        self._memory_mb_max = memory_mb_max
        self._running: set[ScriptedRunning] = set()
        self._is_closed = False

    def cargo(self, *steps: Step) -> Artifact:
        """Known to this runtime from now on."""
        content = repr(steps).encode()
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self._scripts[digest] = steps
        return Artifact(digest=digest, content=content)

    async def probe(self) -> Capability:
        return Capability(
            runtime="scripted",
            offered=True,
            engine="scripted",
            engine_version="1",
            score=1.0,
            memory_mb_max=self._memory_mb_max,
        )

    async def prepare(self, cargo: Artifact, limits: Limits) -> ScriptedPrepared:
        if self._is_closed:
            raise RuntimeBroken("the runtime is closed")
        if cargo.digest not in self._scripts:
            raise Refused(Refusal.DIGEST_MISMATCH, "no script has this digest")
        if limits.memory_mb > self._memory_mb_max:
            raise Refused(Refusal.MEMORY_OVER_CLASS, f"at most {self._memory_mb_max} MB")
        return ScriptedPrepared(cargo.digest, self._scripts[cargo.digest])

    async def start(self, prepared: Prepared, stdin: bytes, limits: Limits) -> Running:
        assert isinstance(prepared, ScriptedPrepared)
        await self._free.acquire()
        steps = (Fail(End.ISLAND_FAULT, "the runtime is closed"),) if self._is_closed else prepared.steps
        running = ScriptedRunning(steps, stdin, limits)
        self._running.add(running)
        running.task.add_done_callback(lambda _: self._ended(running))
        return running

    async def aclose(self) -> None:
        self._is_closed = True
        await asyncio.gather(*(running.stop(Stop.DRAINING) for running in self._running))

    def _ended(self, running: ScriptedRunning) -> None:
        self._running.discard(running)
        self._free.release()


class ScriptedRunning:
    def __init__(self, steps: tuple[Step, ...], stdin: bytes, limits: Limits) -> None:
        self._stdin = stdin
        self._limits = limits
        self._splitter = LineSplitter(line_bytes_max=limits.line_bytes, output_bytes_max=limits.output_bytes)
        self._pipe = bytearray()
        self._lines: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._is_ended = False
        self._is_read = False
        self._is_drained = False
        self._cut: Outcome | None = None
        self._end = Outcome(end=End.EXITED, exit_code=0)
        self._stderr_tail = b""
        self._wall_s = 0.0
        self.task = asyncio.create_task(self._live(steps))

    async def lines(self) -> AsyncIterator[bytes]:
        self._is_read = True
        try:
            while await self._more():
                while self._lines:
                    yield self._lines.popleft()
        finally:
            self._is_read = False
            self._changed.set()

    async def stop(self, why: Stop) -> None:
        if not (self.task.done() and self._is_drained):
            self._cut_short(Outcome(end=End.STOPPED, stop=why))
        self._drop()
        await asyncio.wait([self.task])

    async def outcome(self) -> Outcome:
        await asyncio.wait([self.task])
        while not self._is_drained:
            await self._until(lambda: self._is_drained or not self._is_read)
            if not self._is_drained:
                async for _ in self.lines():
                    pass
        return replace(
            self._cut or self._end,
            wall_ms=round(self._wall_s * 1000),
            stdout_bytes=self._splitter.bytes_seen,
            lines=self._splitter.lines_seen,
            stderr_tail=self._stderr_tail,
        )

    async def _live(self, steps: tuple[Step, ...]) -> None:
        began_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._limits.wall_s):
                for step in steps:
                    await self._take(step)
        except TimeoutError:
            self._cut = self._cut or Outcome(end=End.TIMED_OUT)
        except _Left as left:
            self._end = left.outcome
        except asyncio.CancelledError:
            self._cut = self._cut or Outcome(end=End.ISLAND_FAULT, detail="the island was stopped")
        finally:
            self._wall_s = asyncio.get_running_loop().time() - began_s
            self._is_ended = True
            self._changed.set()

    async def _take(self, step: Step) -> None:
        match step:
            case Say(content):
                await self._write(content)
            case Complain(content):
                self._stderr_tail = (self._stderr_tail + content)[-STDERR_TAIL_BYTES_MAX:]
            case Echo():
                await self._write(self._stdin)
            case Repeat(content):
                while True:
                    await self._write(content)
            case Sleep(seconds):
                await asyncio.sleep(seconds)
            case Exit(code):
                raise _Left(Outcome(end=End.EXITED, exit_code=code))
            case Fail(end, detail):
                raise _Left(Outcome(end=end, detail=detail))
            case _:
                assert_never(step)

    async def _write(self, content: bytes) -> None:
        """Blocks as a pipe does while nobody reads."""
        for start in range(0, len(content), PIPE_BYTES):
            await self._until(lambda: not self._pipe)
            self._pipe += content[start : start + PIPE_BYTES]
            self._changed.set()

    async def _more(self) -> bool:
        """Wait for a line; False when the last one was handed out."""
        while not self._lines:
            await self._until(lambda: bool(self._pipe) or self._is_ended)
            if self._pipe:
                self._lines.extend(self._splitter.feed(bytes(self._pipe)))
                self._pipe.clear()
                self._changed.set()
                if self._splitter.broken is not None:
                    self._cut_short(Outcome(end=self._splitter.broken))
            elif last := self._splitter.rest():
                self._lines.append(last)
            else:
                self._is_drained = True
                return False
        return True

    def _cut_short(self, cut: Outcome) -> None:
        self._cut = self._cut or cut
        self._is_ended = True
        self.task.cancel()

    def _drop(self) -> None:
        self._pipe.clear()
        self._lines.clear()
        self._is_ended = self._is_drained = True
        self._changed.set()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()


class _Left(Exception):
    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.end)
        self.outcome = outcome
