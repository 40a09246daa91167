"""What a module may ask for. Called by the compiler process, before anything of the module has run.

WASI preview 1 commands only: a module that imports what is not listed, or is no command, is refused with the code and
the words its author needs.
"""

from __future__ import annotations

from typing import Final

from wasmtime import FuncType, Linker, MemoryType, Module, WasmtimeError

from adapters.runtime.contract import Refusal, Refused
from adapters.runtime.wasm.compiled_module import CompiledModule

_WASI: Final = "wasi_snapshot_preview1"
_TELLS_ISLANDS_APART: Final = frozenset({"clock_time_get", "clock_res_get", "random_get", "poll_oneoff"})
_NEUTRAL: Final = frozenset(
    {
        "args_get", "args_sizes_get", "environ_get", "environ_sizes_get",
        "fd_read", "fd_write", "fd_close", "fd_seek", "fd_fdstat_get", "fd_fdstat_set_flags",
        "fd_prestat_get", "fd_prestat_dir_name", "proc_exit", "sched_yield",
    }
)  # fmt: skip
_IMPORTS_NAMED_MAX: Final = 5


def admit(module: Module, linker: Linker) -> CompiledModule:
    """The module ready for the cache. Raises Refused."""
    imported = _imported(module)
    memory_pages = _command_memory_pages(module)
    try:
        # Finds imports of the right name and the wrong type.
        linker.instantiate_pre(module)
    except WasmtimeError as error:
        raise Refused(Refusal.IMPORT_FOREIGN, str(error)) from error
    return CompiledModule(
        memory_pages=memory_pages,
        is_exact=not imported & _TELLS_ISLANDS_APART,
        code=bytes(module.serialize()),
    )


def _imported(module: Module) -> frozenset[str]:
    allowed = _NEUTRAL | _TELLS_ISLANDS_APART
    foreign = [
        f"{item.module}.{item.name}"
        for item in module.imports
        if item.module != _WASI or item.name not in allowed
    ]
    if foreign:
        raise Refused(Refusal.IMPORT_FOREIGN, "imports " + ", ".join(sorted(foreign)[:_IMPORTS_NAMED_MAX]))
    return frozenset(str(item.name) for item in module.imports)


def _command_memory_pages(module: Module) -> int:
    """Pages of 64 KiB that the module starts with."""
    exports = {item.name: item.type for item in module.exports}
    start, memory = exports.get("_start"), exports.get("memory")
    if not isinstance(start, FuncType) or start.params or start.results:
        raise Refused(Refusal.EXPORT_MISSING, "must export a function _start without parameters and results")
    if not isinstance(memory, MemoryType):
        raise Refused(Refusal.EXPORT_MISSING, "must export its memory as memory")
    return int(memory.limits.min)
