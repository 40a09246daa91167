"""A known module with a known answer: what `probe` runs before the runtime is advertised.

It reads 8 bytes, takes them as a number x and does STEPS times x := x * 6364136223846793005 + 1442695040888963407
modulo 2^64 (Knuth's generator), then writes x as 8 bytes. So reading, writing, computing and metering are all seen to
work, and the processor time gives the score.
"""

from __future__ import annotations

import hashlib
from typing import Final

from adapters.runtime.contract import Artifact, Limits

STEPS: Final = 30_000_000
QUESTION: Final = b"islands!"
LIMITS: Final = Limits(memory_mb=1, wall_s=10.0, fuel=10**10, output_bytes=64)

TEXT: Final = """
(module
  (import "wasi_snapshot_preview1" "fd_read" (func (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local i64 i32)
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 8))
    (drop (call 0 (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
    (local.set 0 (i64.load (i32.const 64)))
    (local.set 1 (i32.const STEPS))
    (loop
      (local.set 0 (i64.add
        (i64.mul (local.get 0) (i64.const 6364136223846793005))
        (i64.const 1442695040888963407)))
      (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
    (i64.store (i32.const 64) (local.get 0))
    (drop (call 1 (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))
""".replace("STEPS", str(STEPS))

MODULE: Final = bytes.fromhex(
    "0061736d01000000010c0260047f7f7f7f017f60000002440216776173695f736e617073686f745f70726576696577310766645f7265616400"
    "0016776173695f736e617073686f745f70726576696577310866645f77726974650000030201010503010001071302066d656d6f7279020006"
    "5f737461727400020a6b016902017e017f410041c00036020041044108360200410041004101411010001a41c0002903002100418087a70e21"
    "010340200042adfed5e4d485fda8d8007e42cf829ebbefefde82147c2100200141016b22010d000b41c0002000370300410141004101411010"
    "011a0b"
)
"""TEXT in binary, so that the island need not load an engine to make it; a test compares the two."""

ANSWER: Final = bytes.fromhex("e9525b0f644be348")


def cargo() -> Artifact:
    digest = "sha256:" + hashlib.sha256(MODULE).hexdigest()
    return Artifact(digest=digest, content=MODULE, is_exact=True)


def score(cpu_ms: int) -> float:
    """Million steps in a second of processor time. A step is four instructions."""
    return round(STEPS / 1000 / max(cpu_ms, 1), 1)
