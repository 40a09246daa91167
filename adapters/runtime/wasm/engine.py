"""The WebAssembly engine as workers and the compiler process set it up. Never imported by the island itself."""

from __future__ import annotations

from wasmtime import Config, Engine, Linker

from adapters.runtime.wasm.settings import ENGINE_SETTINGS


def make_engine() -> Engine:
    config = Config()
    for name, value in ENGINE_SETTINGS.items():
        setattr(config, name, value)
    return Engine(config)


def make_linker(engine: Engine) -> Linker:
    """Knows WASI preview 1 and nothing else."""
    linker = Linker(engine)
    linker.define_wasi()
    return linker
