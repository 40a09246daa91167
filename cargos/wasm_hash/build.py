"""Builds hash.wasm from hash.zig; the same bytes in every folder and on every machine.

Run by a person after a change of hash.zig, and by the rebuild test:

    python cargos/wasm_hash/build.py [--out DIR]

Writes hash.wasm and SHA256SUMS into DIR (default: this folder) and prints the digest for manifest.json.
Needs the PyPI package `ziglang` in exactly the version below: another compiler makes other bytes.
"""

import argparse
import hashlib
import importlib.metadata
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ZIGLANG_VERSION = "0.17.1"
SOURCE = Path(__file__).with_name("hash.zig")
MODULE_NAME = "hash.wasm"
STACK_BYTES = 64 * 1024
BUILD_S = 300

# No operating system as target: a WASI call can only come in by an `extern fn` of hash.zig itself.
# The generic processor is what every engine runs, phones included. ReleaseSafe makes a broken
# promise trap instead of going on; it costs 6 % of fuel against ReleaseFast.
OPTIONS = (
    *("-target", "wasm32-freestanding", "-mcpu=generic", "-O", "ReleaseSafe", "-fstrip"),
    *("-fno-entry", "--export=_start", "--stack", str(STACK_BYTES)),
)


def build(out: Path) -> str:
    """Compiles into `out` with caches of its own and returns the module's SHA-256 in lower-case hex.

    Raises subprocess.CalledProcessError if the compiler refuses the source; its message is on stderr.
    """
    out.mkdir(parents=True, exist_ok=True)
    module = out.resolve() / MODULE_NAME
    with tempfile.TemporaryDirectory(prefix="wasm-hash-build-") as cache:
        subprocess.run(
            [sys.executable, "-m", "ziglang", "build-exe", SOURCE.name, *OPTIONS, f"-femit-bin={module}"],
            cwd=SOURCE.parent,
            env={
                **os.environ,
                "ZIG_GLOBAL_CACHE_DIR": f"{cache}/global",
                "ZIG_LOCAL_CACHE_DIR": f"{cache}/local",
            },
            timeout=BUILD_S,
            check=True,
        )
    module.chmod(0o644)
    digest = hashlib.sha256(module.read_bytes()).hexdigest()
    (out / "SHA256SUMS").write_text(f"{digest}  {MODULE_NAME}\n", encoding="ascii")
    return digest


def check_compiler() -> None:
    """Leaves with a message if the pinned compiler is not installed."""
    try:
        found = importlib.metadata.version("ziglang")
    except importlib.metadata.PackageNotFoundError:
        found = "none"
    if found != ZIGLANG_VERSION:
        sys.exit(
            f"ziglang: needs version {ZIGLANG_VERSION}, found {found}. Run: pip install ziglang=={ZIGLANG_VERSION}"
        )


def main() -> None:
    """Reads the command line, builds, and says what to put into the manifest."""
    parser = argparse.ArgumentParser(description="Build hash.wasm from hash.zig, reproducibly.")
    parser.add_argument(
        "--out", type=Path, default=SOURCE.parent, help="folder to write to (default: this one)"
    )
    out: Path = parser.parse_args().out
    check_compiler()
    try:
        digest = build(out)
    except subprocess.CalledProcessError:
        sys.exit("hash.zig: the compiler refused it; its message is above")
    print(f"sha256:{digest}  {out / MODULE_NAME}")


if __name__ == "__main__":
    main()
