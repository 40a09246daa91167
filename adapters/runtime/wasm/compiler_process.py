"""Has a module compiled behind walls. Used by `runtime.py` for every module that the cache does not know."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Final

from adapters.runtime.contract import Refusal, Refused, RuntimeBroken
from adapters.runtime.wasm.child_process import ChildProcess, readable
from adapters.runtime.wasm.compiled_module import CompiledModule
from adapters.runtime.wasm.sealed_memory import SealedMemory
from adapters.runtime.wasm.settings import CODE_BYTES_MAX
from adapters.runtime.wasm.wire import (
    COMPILER_EXIT_REFUSED,
    COMPILER_EXIT_TOO_COSTLY,
    CompilerRefusal,
    Garbled,
    decode,
)

_CHUNK_BYTES: Final = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileBounds:
    """What one module may cost. A bomb of 200 000 functions is refused after 6 s."""

    wall_s: float = 60.0
    cpu_s: int = 60
    data_mb: int = 1024


COMPILE_BOUNDS: Final = CompileBounds()


async def compile_apart(wasm: bytes, bounds: CompileBounds) -> CompiledModule:
    """Raises Refused, or RuntimeBroken if the compiler cannot work here."""
    try:
        async with asyncio.timeout(bounds.wall_s):
            output, exit_code = await _run(wasm, bounds)
    except TimeoutError:
        raise Refused(Refusal.COMPILING_TOO_COSTLY, f"not compiled within {bounds.wall_s} s") from None
    except OSError as error:
        raise RuntimeBroken(f"the compiler cannot be started: {error}") from error
    if exit_code < 0 or exit_code == COMPILER_EXIT_TOO_COSTLY:
        detail = f"compiling needs more than {bounds.data_mb} MB or {bounds.cpu_s} s of processor time"
        raise Refused(Refusal.COMPILING_TOO_COSTLY, detail)
    if len(output) > CODE_BYTES_MAX:
        raise Refused(Refusal.COMPILING_TOO_COSTLY, f"its machine code is larger than {CODE_BYTES_MAX} bytes")
    return _understood(output, exit_code)


def _understood(output: bytes, exit_code: int) -> CompiledModule:
    try:
        if exit_code == COMPILER_EXIT_REFUSED:
            refusal = decode(output, CompilerRefusal)
            raise Refused(refusal.code, refusal.detail)
        if exit_code == 0:
            return CompiledModule.decode(output)
    except (Garbled, ValueError) as error:
        raise RuntimeBroken(f"the compiler's answer is unreadable: {error}") from error
    raise RuntimeBroken(f"the compiler ended with {exit_code}")


async def _run(wasm: bytes, bounds: CompileBounds) -> tuple[bytes, int]:
    """What it wrote and its exit code. However this ends, the process is gone."""
    process, output = _launch(wasm, bounds)
    try:
        written = await _read_to_end(output)
        if len(written) > CODE_BYTES_MAX:
            return written, 0
        return written, await process.exit_code()
    finally:
        os.close(output)
        await process.end()


def _launch(wasm: bytes, bounds: CompileBounds) -> tuple[ChildProcess, int]:
    module = SealedMemory(wasm)
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    try:
        arguments = (str(bounds.data_mb), str(bounds.cpu_s))
        return ChildProcess("compiler", *arguments, stdin=module.descriptor, stdout=theirs), ours
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
        module.close()


async def _read_to_end(descriptor: int) -> bytes:
    """All of it, or a little more than CODE_BYTES_MAX."""
    output = bytearray()
    while len(output) <= CODE_BYTES_MAX:
        await readable(descriptor)
        chunk = os.read(descriptor, _CHUNK_BYTES)
        if not chunk:
            break
        output += chunk
    return bytes(output)
