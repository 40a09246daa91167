"""Small WebAssembly guests as text, each with one habit, for the tests of the WebAssembly runtime.

`guest(name)` is the artifact of a well-formed one; `refused()` lists modules that admission must not let in. Every
guest is a WASI preview 1 command, made by the engine's own assembler: no toolchain is needed.
"""

from __future__ import annotations

import functools
import hashlib

from wasmtime import wat2wasm

from adapters.runtime.contract import Artifact, Refusal

_FRAME = r"""
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 3)
  (data (i32.const 1024) "tick\n")
  (data (i32.const 1040) "the last words")
  ;; $write(stream, address, length) is the error number; the vector lies at 0, the count at 8.
  (func $write (param $stream i32) (param $at i32) (param $length i32) (result i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $length))
    (call $fd_write (local.get $stream) (i32.const 0) (i32.const 1) (i32.const 8)))
  (func $tick (drop (call $write (i32.const 1) (i32.const 1024) (i32.const 5))))
  ;; $read is the number of bytes that now lie at 65536.
  (func $read (result i32)
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (i32.const 65536))
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.load (i32.const 8)))
  ;; One relative clock subscription at 128, its event at 192.
  (func $sleep_for_ever
    (i32.store (i32.const 144) (i32.const 1))
    (i64.store (i32.const 152) (i64.const 3600000000000))
    (drop (call $poll (i32.const 128) (i32.const 192) (i32.const 1) (i32.const 8))))
  ;; 64 KiB of x at 65536, the last byte a line feed if asked for.
  (func $fill (param $is_line i32)
    (memory.fill (i32.const 65536) (i32.const 120) (i32.const 65536))
    (if (local.get $is_line) (then (i32.store8 (i32.const 131071) (i32.const 10)))))
  (func $pour (param $stream i32) (result i32)
    (call $write (local.get $stream) (i32.const 65536) (i32.const 65536)))
  BODY)
"""

_BODIES = {
    "silent": '(func (export "_start"))',
    "tick": '(func (export "_start") (call $tick))',
    "echo": """(func (export "_start") (local $n i32)
        (loop $again
          (local.set $n (call $read))
          (if (local.get $n) (then
            (drop (call $write (i32.const 1) (i32.const 65536) (local.get $n)))
            (br $again)))))""",
    "exit_7": '(func (export "_start") (call $tick) (call $exit (i32.const 7)))',
    "exit_126": '(func (export "_start") (call $exit (i32.const 126)))',
    "sleep": '(func (export "_start") (call $tick) (call $sleep_for_ever))',
    "spin": '(func (export "_start") (call $tick) (loop $again (br $again)))',
    "spin_before_start": """(func $spin (loop $again (br $again))) (start $spin)
        (func (export "_start"))""",
    "flood": """(func (export "_start") (call $fill (i32.const 1))
        (loop $again (br_if $again (i32.eqz (call $pour (i32.const 1))))) (call $exit (i32.const 9)))""",
    "endless_line": """(func (export "_start") (call $tick) (call $fill (i32.const 0))
        (loop $again (br_if $again (i32.eqz (call $pour (i32.const 1))))) (call $exit (i32.const 9)))""",
    "complain": """(func (export "_start") (local $n i32) (call $fill (i32.const 0))
        (loop $again
          (drop (call $pour (i32.const 2)))
          (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 4))))
        (drop (call $write (i32.const 2) (i32.const 1040) (i32.const 14))))""",
    "complain_for_ever": """(func (export "_start") (call $tick) (call $fill (i32.const 0))
        (loop $again (br_if $again (i32.eqz (call $pour (i32.const 2))))))""",
    "hog": """(func (export "_start") (local $page i32)
        (loop $again
          (local.set $page (memory.grow (i32.const 16)))
          (if (i32.eq (local.get $page) (i32.const -1)) (then (call $exit (i32.const 3))))
          (memory.fill (i32.shl (local.get $page) (i32.const 16)) (i32.const 1) (i32.const 1048576))
          (br $again)))""",
    "unreachable": '(func (export "_start") (call $tick) (unreachable))',
    "large_table": '(table 30000 funcref) (func (export "_start"))',
    "recursion": '(func $deeper (export "_start") (call $deeper))',
    "metered": """(global $left (export "__fuel") (mut i64) (i64.const 1000))
        (func (export "_start") (local $n i32)
          (loop $again
            (global.set $left (i64.sub (global.get $left) (i64.const 1)))
            (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 600))))
          (unreachable))""",
    # Says whether the memory it was given is clean, then soils all of it.
    "canary": """(data (i32.const 2000) "clean\\ndirty\\n")
        (func (export "_start") (local $at i32) (local $sum i32)
          (local.set $at (i32.const 65536))
          (loop $again
            (local.set $sum (i32.or (local.get $sum) (i32.load (local.get $at))))
            (br_if $again (i32.lt_u
              (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 196608))))
          (if (local.get $sum)
            (then (drop (call $write (i32.const 1) (i32.const 2006) (i32.const 6))))
            (else (drop (call $write (i32.const 1) (i32.const 2000) (i32.const 6)))))
          (memory.fill (i32.const 65536) (i32.const 255) (i32.const 131072)))""",
}

# Leaves with 0 if it finds no environment, no folder and no descriptor but the three streams.
_LOOK_AROUND = """
(module
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $folder (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $fd i32)
    (drop (call $environ (i32.const 64) (i32.const 68)))
    (if (i32.load (i32.const 64)) (then (call $exit (i32.const 1))))
    (local.set $fd (i32.const 3))
    (i32.store (i32.const 4) (i32.const 1))
    (loop $next
      (if (i32.eqz (call $folder (local.get $fd) (i32.const 64))) (then (call $exit (i32.const 2))))
      (if (i32.eqz (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 64)))
        (then (call $exit (i32.const 3))))
      (br_if $next (i32.lt_u
        (local.tee $fd (i32.add (local.get $fd) (i32.const 1))) (i32.const 64))))))
"""

_START = '(func (export "_start"))'
_WASI = '(import "wasi_snapshot_preview1"'
_REFUSED = {
    "a socket": (
        Refusal.IMPORT_FOREIGN,
        f'{_WASI} "sock_accept" (func (param i32 i32 i32) (result i32))) (memory (export "memory") 1) {_START}',
    ),
    "a function of another host": (
        Refusal.IMPORT_FOREIGN,
        f'(import "env" "open_the_door" (func)) (memory (export "memory") 1) {_START}',
    ),
    "a known import of another type": (
        Refusal.IMPORT_FOREIGN,
        f'{_WASI} "fd_read" (func (param i64))) (memory (export "memory") 1) {_START}',
    ),
    "its memory from outside": (Refusal.IMPORT_FOREIGN, f'(import "env" "memory" (memory 1)) {_START}'),
    "no _start": (Refusal.EXPORT_MISSING, '(memory (export "memory") 1)'),
    "a _start with a parameter": (
        Refusal.EXPORT_MISSING,
        '(memory (export "memory") 1) (func (export "_start") (param i32))',
    ),
    "a _start that is a global": (
        Refusal.EXPORT_MISSING,
        '(memory (export "memory") 1) (global (export "_start") i32 (i32.const 0))',
    ),
    "no memory": (Refusal.EXPORT_MISSING, _START),
    "a memory that is a function": (Refusal.EXPORT_MISSING, f'(func (export "memory")) {_START}'),
    "4 GiB at once": (Refusal.MEMORY_TOO_LARGE, f'(memory (export "memory") 65536) {_START}'),
    "shared memory": (Refusal.MODULE_INVALID, f'(memory (export "memory") 1 1 shared) {_START}'),
    "a second memory": (Refusal.MODULE_INVALID, f'(memory (export "memory") 1) (memory 1) {_START}'),
    "64-bit memory": (Refusal.MODULE_INVALID, f'(memory (export "memory") i64 1) {_START}'),
}


def artifact(content: bytes, *, is_exact: bool = False) -> Artifact:
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    return Artifact(digest=digest, content=content, is_exact=is_exact)


@functools.cache
def guest(name: str) -> Artifact:
    text = _LOOK_AROUND if name == "look_around" else _FRAME.replace("BODY", _BODIES[name])
    return artifact(bytes(wat2wasm(text)))


def refused() -> dict[str, tuple[Refusal, Artifact]]:
    """What is asked for, the code it is refused with, the module."""
    modules = {
        why: (code, artifact(bytes(wat2wasm(f"(module {text})")))) for why, (code, text) in _REFUSED.items()
    }
    tick = guest("tick").content
    return modules | {
        "to be read as text": (Refusal.NOT_A_CORE_MODULE, artifact(b'(module (memory (export "memory") 1))')),
        "to be a component": (Refusal.NOT_A_CORE_MODULE, artifact(b"\0asm\x0d\0\x01\0")),
        "to be nothing": (Refusal.NOT_A_CORE_MODULE, artifact(b"")),
        "to be cut short": (Refusal.MODULE_INVALID, artifact(tick[:-1])),
    }


@functools.cache
def bomb(functions: int) -> Artifact:
    """A module that is small and costs a lot to compile: a third of a second for 2 000 functions."""
    body = "(local.set 0 (i64.mul (i64.add (local.get 0) (i64.const 3)) (local.get 0)))" * 40
    text = f"(func (param i64) (result i64) {body} (local.get 0))" * functions
    return artifact(bytes(wat2wasm(f'(module (memory (export "memory") 1) {_START} {text})')))
