"""The process that runs foreign WebAssembly: `python -m adapters.runtime.wasm.worker`.

Started by `worker_process.py` only, with the control socket as standard input and the memory class in MB as its
argument. It locks itself down, greets, and then serves one task at a time until the socket ends. It is reused: each
task gets a new store and a new instance, only compiled code is remembered.

It answers for ends that it can see. For the rest (a guest that sleeps, one that blocks in a read or write, a crash in
machine code) the island has the wall clock and SIGKILL.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections import OrderedDict
from typing import Final

from wasmtime import Engine, InstancePre, Module, WasmtimeError

from adapters.runtime.contract import End
from adapters.runtime.wasm.engine import make_engine, make_linker
from adapters.runtime.wasm.guest import Guest, descriptor_path
from adapters.runtime.wasm.settings import EPOCH_TICK_S, WORKER_OVERHEAD_MB
from adapters.runtime.wasm.walls import lock_down
from adapters.runtime.wasm.wire import (
    DESCRIPTORS_PER_TASK,
    PACKET_BYTES_MAX,
    Greeting,
    Task,
    Verdict,
    decode,
    encode,
    shortened,
)

MODULES_READY_MAX: Final = 16
_EPOCH_THREAD_STACK_BYTES: Final = 256 << 10


class Epochs:
    """Moves the engine's epoch on while a guest runs. An idle worker is never woken."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._guest_runs = threading.Event()
        previous = threading.stack_size(_EPOCH_THREAD_STACK_BYTES)
        threading.Thread(target=self._advance, name="epochs", daemon=True).start()
        threading.stack_size(previous)

    def resume(self) -> None:
        self._guest_runs.set()

    def rest(self) -> None:
        self._guest_runs.clear()

    def _advance(self) -> None:
        while self._guest_runs.wait():
            time.sleep(EPOCH_TICK_S)
            self._engine.increment_epoch()


class ReadyModules:
    """Compiled code that was loaded before, the least used dropped first. It holds no state of any job."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._linker = make_linker(engine)
        self._ready: OrderedDict[str, InstancePre] = OrderedDict()

    def get(self, digest: str, code: int) -> InstancePre:
        ready = self._ready.pop(digest, None)
        if ready is None:
            # The descriptor is sealed memory, checked by the island: a damaged file would crash us here.
            module = Module.deserialize_file(self._engine, descriptor_path(code))
            ready = self._linker.instantiate_pre(module)
        self._ready[digest] = ready
        if len(self._ready) > MODULES_READY_MAX:
            self._ready.popitem(last=False)
        return ready


class Worker:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._engine = make_engine()
        self._ready = ReadyModules(self._engine)
        self._epochs = Epochs(self._engine)

    def serve(self) -> None:
        """Return when the island closes the socket."""
        while True:
            packet, descriptors, _, _ = socket.recv_fds(self._control, PACKET_BYTES_MAX, DESCRIPTORS_PER_TASK)
            if not packet:
                return
            self._control.send(encode(self._verdict(packet, descriptors)))

    def _verdict(self, packet: bytes, descriptors: list[int]) -> Verdict:
        try:
            stdin, stdout, stderr, code = descriptors
            return self._run(decode(packet, Task), (stdin, stdout, stderr), code)
        except Exception as fault:  # noqa: BLE001  the island must hear of every fault, whatever it is
            return Verdict(end=End.ISLAND_FAULT, detail=shortened(fault))

    def _run(self, task: Task, streams: tuple[int, int, int], code: int) -> Verdict:
        try:
            ready = self._ready.get(task.module, code)
            guest = Guest(self._engine, task, streams)
        finally:
            # The guest has opened its streams anew. With our copies open nobody would ever see their end.
            for descriptor in (*streams, code):
                os.close(descriptor)
        self._epochs.resume()
        try:
            return guest.run(ready)
        finally:
            self._epochs.rest()
            guest.close()


def main() -> None:
    control = socket.socket(fileno=0)
    try:
        walls = lock_down(data_mb=int(sys.argv[1]) + WORKER_OVERHEAD_MB)
        worker = Worker(control)
    except (OSError, WasmtimeError) as fault:
        control.send(encode(Greeting(fault=shortened(fault))))
        os._exit(1)
    control.send(encode(Greeting(walls=walls)))
    worker.serve()
    # The engine's threads outlive the interpreter, and a normal exit may then abort.
    os._exit(0)


if __name__ == "__main__":
    main()
