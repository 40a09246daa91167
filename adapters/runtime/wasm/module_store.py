"""Modules ready to start: in memory, else from the cache on disk, else compiled. Used by `runtime.py`.

A module enters under the digest of its own bytes, and later calls with that digest get what entered: what runs is what
the digest says, whatever bytes come with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from adapters.runtime.contract import Artifact, Refusal, Refused, RuntimeBroken
from adapters.runtime.wasm.code_cache import CodeCache
from adapters.runtime.wasm.compiled_module import CompiledModule
from adapters.runtime.wasm.compiler_process import CompileBounds, compile_apart
from adapters.runtime.wasm.sealed_memory import SealedMemory
from adapters.runtime.wasm.settings import MIB, MODULE_BYTES_MAX

WARM_CODE_BYTES_MAX: Final = 256 * MIB
"""Machine code kept in memory; the least used goes first."""

_CORE_MODULE: Final = b"\0asm\x01\0\0\0"
_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")

_P = ParamSpec("_P")
_T = TypeVar("_T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedModule:
    """`digest` as in the artifact; the rest is what starting it needs to know."""

    digest: str
    memory_pages: int
    is_exact: bool
    code: SealedMemory


class ModuleStore:
    def __init__(self, folder: Path, bounds: CompileBounds) -> None:
        self._folder = folder
        self._bounds = bounds
        self._cache: CodeCache | None = None
        self._warm: OrderedDict[str, PreparedModule] = OrderedDict()
        self._sealed: weakref.WeakSet[SealedMemory] = weakref.WeakSet()
        # One at a time: two compile bombs side by side would need twice the memory. It also lets the second who
        # asks for a module find what the first has made.
        self._making = asyncio.Lock()
        self._compiling: asyncio.Task[CompiledModule] | None = None
        self._in_threads: set[asyncio.Future[Any]] = set()
        self._is_closed = False

    async def get(self, cargo: Artifact) -> PreparedModule:
        """Raises Refused or RuntimeBroken."""
        prepared = self._recalled(cargo.digest)
        if prepared is not None:
            return prepared
        async with self._making:
            return self._recalled(cargo.digest) or await self._made(cargo)

    async def aclose(self) -> None:
        """Ends a compilation under way and closes what callers still hold."""
        self._is_closed = True
        if self._compiling is not None:
            self._compiling.cancel()
            await asyncio.wait([self._compiling])
        while self._in_threads:
            await asyncio.wait(self._in_threads)
        self._warm.clear()
        for memory in list(self._sealed):
            memory.close()

    async def _in_thread(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """A thread goes on when its caller is cancelled, with files open; `aclose` waits for it."""
        task = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
        self._in_threads.add(task)
        task.add_done_callback(self._in_threads.discard)
        return await asyncio.shield(task)

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise RuntimeBroken("the runtime is closed")

    def _recalled(self, digest: str) -> PreparedModule | None:
        self._refuse_if_closed()
        if digest in self._warm:
            self._warm.move_to_end(digest)
        return self._warm.get(digest)

    async def _made(self, cargo: Artifact) -> PreparedModule:
        name = await self._in_thread(_verified, cargo)
        try:
            if self._cache is None:
                self._cache = await self._in_thread(CodeCache, self._folder)
            compiled = await self._in_thread(self._cache.load, name)
        except OSError as error:
            raise RuntimeBroken(f"the code cache in {self._folder} cannot be used: {error}") from error
        if compiled is None:
            compiled = await self._compiled(cargo.content)
            await self._save(self._cache, name, compiled)
        return self._remembered(cargo.digest, compiled)

    async def _compiled(self, wasm: bytes) -> CompiledModule:
        self._refuse_if_closed()
        self._compiling = asyncio.create_task(compile_apart(wasm, self._bounds))
        try:
            return await self._compiling
        except asyncio.CancelledError:
            self._refuse_if_closed()
            raise
        finally:
            self._compiling = None

    async def _save(self, cache: CodeCache, name: str, compiled: CompiledModule) -> None:
        try:
            await self._in_thread(cache.store, name, compiled)
        except OSError as error:
            # A full disk costs the next start a compilation, and this job nothing.
            _log.warning("wasm_code_not_saved", extra={"digest": name, "detail": str(error)})

    def _remembered(self, digest: str, compiled: CompiledModule) -> PreparedModule:
        self._refuse_if_closed()
        try:
            code = SealedMemory(compiled.code)
        except OSError as error:
            raise RuntimeBroken(f"no memory for machine code: {error}") from error
        self._sealed.add(code)
        prepared = PreparedModule(
            digest=digest, memory_pages=compiled.memory_pages, is_exact=compiled.is_exact, code=code
        )
        self._warm[digest] = prepared
        while (
            len(self._warm) > 1 and sum(m.code.size_bytes for m in self._warm.values()) > WARM_CODE_BYTES_MAX
        ):
            self._warm.popitem(last=False)
        return prepared


def _verified(cargo: Artifact) -> str:
    """The digest's hex digits. Raises Refused."""
    if len(cargo.content) > MODULE_BYTES_MAX:
        detail = f"the module has {len(cargo.content)} bytes and may have {MODULE_BYTES_MAX}"
        raise Refused(Refusal.MODULE_TOO_LARGE, detail)
    expected = _DIGEST.fullmatch(cargo.digest)
    if expected is None:
        raise Refused(Refusal.DIGEST_MISMATCH, "the digest must be sha256: and 64 lower-case hex digits")
    actual = hashlib.sha256(cargo.content).hexdigest()
    if not hmac.compare_digest(expected[1], actual):
        raise Refused(Refusal.DIGEST_MISMATCH, f"the module's digest is sha256:{actual}, not {cargo.digest}")
    if not cargo.content.startswith(_CORE_MODULE):
        # The engine would go on and read it as text.
        raise Refused(Refusal.NOT_A_CORE_MODULE, "not a binary WebAssembly core module of version 1")
    return expected[1]
