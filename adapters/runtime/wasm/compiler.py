"""The process that turns foreign WebAssembly into machine code: `python -m adapters.runtime.wasm.compiler`.

Started by `compiler_process.py` only. Compiling a hostile module can take gigabytes and minutes and cannot be
interrupted, so it happens here, behind the walls, once per process. The module's bytes are standard input. Standard
output is the compiled module where the exit code is 0, and a `CompilerRefusal` where it is COMPILER_EXIT_REFUSED. With
COMPILER_EXIT_TOO_COSTLY, or killed by a signal, the module broke a bound of the process.

Arguments: data limit in MB, processor time in s.
"""

from __future__ import annotations

import os
import sys

from wasmtime import Module, WasmtimeError

from adapters.runtime.contract import Refusal, Refused
from adapters.runtime.wasm.admission import admit
from adapters.runtime.wasm.compiled_module import CompiledModule
from adapters.runtime.wasm.engine import make_engine, make_linker
from adapters.runtime.wasm.settings import MODULE_BYTES_MAX
from adapters.runtime.wasm.walls import lock_down
from adapters.runtime.wasm.wire import (
    COMPILER_EXIT_REFUSED,
    COMPILER_EXIT_TOO_COSTLY,
    CompilerRefusal,
    encode,
    shortened,
)


def compile_module(wasm: bytes) -> CompiledModule:
    """Raises Refused."""
    engine = make_engine()
    try:
        module = Module(engine, wasm)
    except WasmtimeError as error:
        raise Refused(Refusal.MODULE_INVALID, str(error)) from error
    return admit(module, make_linker(engine))


def main() -> None:
    data_mb, cpu_s = (int(argument) for argument in sys.argv[1:])
    lock_down(data_mb=data_mb, cpu_s=cpu_s)
    try:
        answer, code = compile_module(sys.stdin.buffer.read(MODULE_BYTES_MAX)).encode(), 0
    except MemoryError:
        os._exit(COMPILER_EXIT_TOO_COSTLY)
    except Refused as refused:
        refusal = CompilerRefusal(code=refused.code, detail=shortened(refused.detail))
        answer, code = encode(refusal), COMPILER_EXIT_REFUSED
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    # The engine's threads outlive the interpreter, and a normal exit may then abort.
    os._exit(code)


if __name__ == "__main__":
    main()
