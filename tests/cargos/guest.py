"""Runs a committed WebAssembly cargo in this process, within the limits of its own manifest.

Used by the tests of the cargos we ship. The product runs them in locked workers; here only the module is judged.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from wasmtime import Config, Engine, ExitTrap, Linker, Module, Store, WasiConfig

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What one run left: its exit code, the fuel it burnt (exact only for exit code 0) and its output lines, parsed."""

    exit_code: int
    fuel: int
    lines: tuple[dict[str, Any], ...]

    @property
    def result(self) -> dict[str, Any]:
        """The JSON text in the content of the only token. Fails unless the run went well."""
        status, token, done = self.lines
        assert self.exit_code == 0
        assert status == {"type": "status", "message": "ready"}
        assert (token["type"], done["type"]) == ("token", "done")
        result: dict[str, Any] = json.loads(token["content"])
        return result

    @property
    def error(self) -> str:
        """The message of the error line. Fails unless the run was refused."""
        status, refusal = self.lines
        assert self.exit_code == 1
        assert status == {"type": "status", "message": "ready"}
        assert refusal["type"] == "error"
        message: str = refusal["message"]
        return message


@dataclass(frozen=True)
class Guest:
    """One cargo folder: its manifest, and its module compiled once."""

    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))
        return manifest

    @cached_property
    def engine(self) -> Engine:
        config = Config()
        config.consume_fuel = True
        return Engine(config)

    @cached_property
    def module(self) -> Module:
        return Module.from_file(self.engine, str(self.folder / self.manifest["artifact"]["file"]))

    def run(self, stdin: bytes) -> Ran:
        """Feeds `stdin` as it is and reads everything up to the end. A trap or too much output fails the test."""
        with TemporaryDirectory() as folder:
            stdin_file, stdout_file = Path(folder, "stdin"), Path(folder, "stdout")
            stdin_file.write_bytes(stdin)
            exit_code, fuel = self.start(stdin_file, stdout_file)
            stdout = stdout_file.read_bytes()
        assert len(stdout) <= self.manifest["limits"]["output_bytes"]
        assert stdout.endswith(b"\n")
        lines = tuple(json.loads(line) for line in stdout.splitlines())
        return Ran(exit_code=exit_code, fuel=fuel, lines=lines)

    def start(self, stdin_file: Path, stdout_file: Path) -> tuple[int, int]:
        """Runs a new instance between two files; gives its exit code and the fuel it burnt."""
        limits = self.manifest["limits"]
        linker, store, wasi = Linker(self.engine), Store(self.engine), WasiConfig()
        linker.define_wasi()
        wasi.stdin_file, wasi.stdout_file = str(stdin_file), str(stdout_file)
        store.set_wasi(wasi)
        store.set_fuel(limits["fuel"])
        store.set_limits(memory_size=limits["memory_mb"] * MIB)
        start = linker.instantiate(store, self.module).exports(store)["_start"]
        exit_code = 0
        try:
            start(store)  # type: ignore[operator]  # wasmtime types an export as any kind of extern
        except ExitTrap as exit_trap:
            exit_code = exit_trap.code
        return exit_code, limits["fuel"] - store.get_fuel()
