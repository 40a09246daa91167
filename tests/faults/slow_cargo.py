"""A cargo that prints, waits, prints again and ends: what a test can interrupt in the middle.

It waits by `poll_oneoff` on the clock, so it is of determinism `none`. Without a wait it is as good as no work at all.
"""

import json
from hashlib import sha256
from typing import Any, Final

import httpx
import wasmtime

BEGUN: Final = "begun "
ENDED: Final = "ended"
OUTPUT: Final = BEGUN + ENDED
PRICE_MICRO: Final = 1_000_000
NS_A_SECOND: Final = 1_000_000_000

# At 0 the pair (address, length) of fd_write, at 16 its answer, at 64 the subscription of poll_oneoff
# (clock 1, which is the monotonic one; relative), at 128 its answer, from 256 on the lines.
TEXT: Final = """
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 256) "{begun}{ended}")
  (func $print (param $at i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))
  (func (export "_start")
    (call $print (i32.const 256) (i32.const {begun_length}))
    (i32.store (i32.const 80) (i32.const 1))
    (i64.store (i32.const 88) (i64.const {wait_ns}))
    (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 192)))
    (call $print (i32.const {ended_at}) (i32.const {ended_length}))))
"""


def slug_of(wait_s: float) -> str:
    return f"slow-{round(1000 * wait_s)}"


def module_of(wait_s: float) -> bytes:
    begun = line({"type": "token", "content": BEGUN})
    ended = line({"type": "token", "content": ENDED}) + line({"type": "done", "usage": {}})
    text = TEXT.format(
        begun=escaped(begun),
        ended=escaped(ended),
        begun_length=len(begun),
        ended_at=256 + len(begun),
        ended_length=len(ended),
        wait_ns=int(wait_s * NS_A_SECOND),
    )
    return bytes(wasmtime.wat2wasm(text))


def line(said: dict[str, Any]) -> str:
    return json.dumps(said) + "\n"


def escaped(text: str) -> str:
    return text.replace('"', "\\22").replace("\n", "\\0a")


async def publish(client: httpx.AsyncClient, wait_s: float, *, trust_level: int = 1) -> str:
    """Makes the cargo that waits so long known to the network and returns its slug."""
    module, slug = module_of(wait_s), slug_of(wait_s)
    digest = f"sha256:{sha256(module).hexdigest()}"
    manifest = {
        "slug": slug,
        "version": "1.0.0",
        "name": "Slow",
        "description": f"Prints, waits {wait_s} seconds, prints again.",
        "runtime": "wasm",
        "artifact": {"file": "slow.wasm", "digest": digest},
        "determinism": "none",
        "trust_level": trust_level,
        "limits": {"memory_mb": 16, "wall_s": 120, "fuel": 10_000_000, "output_bytes": 4000},
        "requirements": {"ram_mb": 16, "cpu_cores": 1},
        "price_micro": PRICE_MICRO,
        "target_score": 100,
        "input_schema": {"type": "object"},
        "output_schema": {"type": "object"},
    }
    (await client.put(f"/artifacts/{digest}", content=module)).raise_for_status()
    (await client.post("/workloads", json=manifest)).raise_for_status()
    return slug
