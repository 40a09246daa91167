"""A cargo that prints the lines it was made with and reads nothing: a model whose answer a test knows.

Models of real weights come with the cargos; what a client of OpenAI's routes meets on the way is the same for both.
"""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import httpx
import wasmtime

LINES_AT: Final = 256

# At 0 the pair (address, length) of fd_write, at 16 its answer. One write for each line, as a model prints.
MODULE: Final = """
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const {lines_at}) "{lines}")
  (func $print (param $at i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))
  (func (export "_start")
{prints}))
"""


def module_of(lines: Sequence[bytes]) -> bytes:
    at, prints = LINES_AT, []
    for line in lines:
        prints.append(f"    (call $print (i32.const {at}) (i32.const {len(line)}))")
        at += len(line)
    data = "".join(f"\\{byte:02x}" for line in lines for byte in line)
    text = MODULE.format(lines_at=LINES_AT, lines=data, prints="\n".join(prints))
    return bytes(wasmtime.wat2wasm(text))


def line(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"


async def publish(client: httpx.AsyncClient, slug: str, *tokens: str, **usage: int) -> None:
    """Makes known a cargo that puts out `tokens` and then reports `usage`."""
    said = [line({"type": "token", "content": token}) for token in tokens]
    module = module_of([*said, line({"type": "done", "usage": usage})])
    digest = f"sha256:{sha256(module).hexdigest()}"
    manifest = {
        "slug": slug,
        "version": "1.0.0",
        "name": "Reciting",
        "description": "Says what it was made to say.",
        "runtime": "wasm",
        "artifact": {"file": "reciting.wasm", "digest": digest},
        "determinism": "exact",
        "trust_level": 1,
        "limits": {"memory_mb": 16, "wall_s": 30, "fuel": 10_000_000, "output_bytes": 100_000},
        "requirements": {"ram_mb": 16, "cpu_cores": 1},
        "price_micro": 1_000_000,
        "target_score": 100,
        "input_schema": {"type": "object"},
        "output_schema": {"type": "object"},
    }
    (await client.put(f"/artifacts/{digest}", content=module)).raise_for_status()
    (await client.post("/workloads", json=manifest)).raise_for_status()
