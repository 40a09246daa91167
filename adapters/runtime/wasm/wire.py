"""What the island and a worker say to each other: one JSON packet each way on a SOCK_SEQPACKET pair.

A `Greeting` when the worker is locked and ready; then for each job a `Task`, which travels with four descriptors
(standard input, standard output, standard error, machine code), and a `Verdict`. The guest's output is closed before
the verdict is sent. What cannot be answered by a verdict (a guest that sleeps, a crash in machine code) is the
island's business: it kills the worker.

Both sides check what they read: `decode` raises Garbled for anything but the packet that is due.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from adapters.runtime.contract import End, Refusal
from adapters.runtime.wasm.walls import Wall

PACKET_BYTES_MAX: Final = 64 << 10
DETAIL_CHARACTERS_MAX: Final = 300
DESCRIPTORS_PER_TASK: Final = 4

COMPILER_EXIT_REFUSED: Final = 65
COMPILER_EXIT_TOO_COSTLY: Final = 66


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """The walls that stand, or why the worker cannot serve."""

    walls: frozenset[Wall] = frozenset()
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One job. `module` is the digest its code is remembered under, `epochs` its time in ticks."""

    module: str
    fuel: int
    epochs: int
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How the guest ended, as far as the worker itself can know. The fields are those of `Outcome`."""

    end: End
    exit_code: int | None = None
    detail: str = ""
    cpu_ms: int | None = None
    memory_peak_mb: int | None = None
    fuel_metered: int | None = None
    fuel_engine: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompilerRefusal:
    """What the compiler process writes in place of code."""

    code: Refusal
    detail: str


class Garbled(Exception):
    """Not the packet that is due: the other side is another version, or no longer itself."""


_Packet = TypeVar("_Packet", Greeting, Task, Verdict, CompilerRefusal)

encode: Final = msgspec.json.Encoder().encode


def decode(packet: bytes, due: type[_Packet]) -> _Packet:
    """Raises Garbled."""
    try:
        return msgspec.json.decode(packet, type=due)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Garbled(f"{due.__name__}: {error}") from error


def shortened(what: object) -> str:
    """One line for a `detail`, whatever a guest's author or the engine put into it."""
    return " ".join(str(what).split())[:DETAIL_CHARACTERS_MAX]
