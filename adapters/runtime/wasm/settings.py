"""The engine's settings and every bound of the WebAssembly runtime, in one place.

Read by the island's side and by the worker processes alike, so it imports nothing but the standard library: the
island itself never loads the engine.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Final

MIB: Final = 1 << 20

ENGINE_SETTINGS: Final[Mapping[str, bool | int]] = {
    "consume_fuel": True,
    "epoch_interruption": True,
    # No bounds checks: 20 to 35 % faster than a small reservation, measured.
    "memory_reservation": 4096 * MIB,
    "memory_guard_size": 32 * MIB,
    "max_wasm_stack": 512 << 10,
    # These two make results equal on every processor.
    "cranelift_nan_canonicalization": True,
    "wasm_relaxed_simd": False,
    "wasm_threads": False,
    "wasm_memory64": False,
    "wasm_multi_memory": False,
}

MODULE_BYTES_MAX: Final = 32 * MIB
CODE_BYTES_MAX: Final = 256 * MIB
"""Machine code of one module. Beyond it compiling is refused as too costly."""

WORKER_OVERHEAD_MB: Final = 192
"""Python, the engine and thread stacks: what a worker's data limit grants on top of its memory class."""

WORKER_ENVIRONMENT: Final[Mapping[str, str]] = {"TOKIO_WORKER_THREADS": "1", "RAYON_NUM_THREADS": "2"}
"""All that a worker sees of the environment. Without it the engine starts a thread per processor, and on a
large machine the stacks alone fill the data limit."""

TABLES_MAX: Final = 4
TABLE_ELEMENTS_MAX: Final = 20_000

EPOCH_TICK_S: Final = 0.05
KILL_GRACE_S: Final = 0.5
"""The epoch ends a computing guest at its limit. One that sleeps is killed this much later."""


def fingerprint() -> str:
    """What machine code depends on besides the module: library, settings, processor. 32 hex digits."""
    flags = ""
    with Path("/proc/cpuinfo").open() as lines:
        flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    parts = (
        importlib.metadata.version("wasmtime"),
        json.dumps(dict(ENGINE_SETTINGS), sort_keys=True),
        platform.machine(),
        flags,
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
