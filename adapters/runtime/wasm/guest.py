"""One task in a worker: a store, an instance and three streams of its own, and what it used.

Made by `worker.py` for each task, so that nothing of a job is there for the next one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from wasmtime import (
    Engine,
    ExitTrap,
    Func,
    Global,
    InstancePre,
    Memory,
    Store,
    Trap,
    TrapCode,
    WasiConfig,
    WasmtimeError,
)

from adapters.runtime.contract import End
from adapters.runtime.wasm.settings import MIB, TABLE_ELEMENTS_MAX, TABLES_MAX
from adapters.runtime.wasm.wire import Task, Verdict, shortened

METERED_FUEL_EXPORT: Final = "__fuel"


class Guest:
    """One task: a store of its own, an instance of its own, and what it used."""

    def __init__(self, engine: Engine, task: Task, streams: tuple[int, int, int]) -> None:
        self._task = task
        self._exports: Mapping[str, object] | None = None
        self._fuel_metered_at_start: int | None = None
        self._store = Store(engine)
        self._store.set_fuel(task.fuel)
        self._store.set_epoch_deadline(task.epochs)
        self._store.set_limits(
            memory_size=task.memory_bytes,
            table_elements=TABLE_ELEMENTS_MAX,
            instances=1,
            tables=TABLES_MAX,
            memories=1,
        )
        self._store.set_wasi(_wasi(streams))

    def run(self, ready: InstancePre) -> Verdict:
        began_s = time.process_time()
        verdict = self._run(ready)
        return replace(
            verdict,
            cpu_ms=round((time.process_time() - began_s) * 1000),
            memory_peak_mb=self._memory_mb(),
            fuel_metered=self._fuel_metered(),
            fuel_engine=self._fuel_engine(verdict.end),
        )

    def close(self) -> None:
        """Ends the streams: the island sees the end of the output before it gets the verdict."""
        self._store.close()

    def _run(self, ready: InstancePre) -> Verdict:
        try:
            self._exports = ready.instantiate(self._store).exports(self._store)
            self._fuel_metered_at_start = self._fuel_metered_left()
            start = self._exports["_start"]
            assert isinstance(start, Func), "admission has seen the type"
            start(self._store)
        except ExitTrap as leaving:
            # A kind of WasmtimeError, so it is caught first; a Trap is not one.
            return Verdict(end=End.EXITED, exit_code=leaving.code)
        except Trap as trap:
            return _verdict_of_trap(trap)
        except WasmtimeError as error:
            end = End.REFUSED if self._exports is None else End.TRAPPED
            return Verdict(end=end, detail=shortened(_cause(error)))
        return Verdict(end=End.EXITED, exit_code=0)

    def _memory_mb(self) -> int | None:
        """WebAssembly memory never shrinks, so what it has at the end is the peak."""
        memory = self._exports["memory"] if self._exports is not None else None
        return -(-memory.data_len(self._store) // MIB) if isinstance(memory, Memory) else None

    def _fuel_metered_left(self) -> int | None:
        left = self._exports.get(METERED_FUEL_EXPORT) if self._exports is not None else None
        value = left.value(self._store) if isinstance(left, Global) else None
        return value if isinstance(value, int) else None

    def _fuel_metered(self) -> int | None:
        """What the module's own counter went down by; without what a start function took before."""
        left = self._fuel_metered_left()
        return (
            None
            if left is None or self._fuel_metered_at_start is None
            else self._fuel_metered_at_start - left
        )

    def _fuel_engine(self, end: End) -> int | None:
        """The engine writes its counter back on a normal way out only; after a trap it would mislead."""
        if end is End.OUT_OF_FUEL:
            return self._task.fuel
        return self._task.fuel - self._store.get_fuel() if end is End.EXITED else None


def _wasi(streams: tuple[int, int, int]) -> WasiConfig:
    """Three streams and a name: no environment, no folder."""
    wasi = WasiConfig()
    wasi.argv = ["cargo"]
    wasi.stdin_file, wasi.stdout_file, wasi.stderr_file = (descriptor_path(stream) for stream in streams)
    return wasi


def _cause(error: WasmtimeError) -> str:
    """The engine writes where it happened first, in many lines, and what happened last."""
    return str(error).rpartition("Caused by:")[2]


def _verdict_of_trap(trap: Trap) -> Verdict:
    code = trap.trap_code
    if code is TrapCode.OUT_OF_FUEL:
        return Verdict(end=End.OUT_OF_FUEL)
    if code is TrapCode.INTERRUPT:
        return Verdict(end=End.TIMED_OUT)
    detail = shortened(trap.message) if code is None else code.name.lower().replace("_", " ")
    return Verdict(end=End.TRAPPED, detail=detail)


def descriptor_path(descriptor: int) -> str:
    """The engine opens paths only, and no file system is left: this one leads to what we hold already."""
    return f"/proc/self/fd/{descriptor}"
