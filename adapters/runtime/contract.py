"""What an island asks of any runtime, and what it may rely on.

The island's agent calls it, in the order `probe`, `prepare`, `start`; every runtime keeps it, and
`tests/adapters/runtime/runtime_contract.py` holds them all to it.

Promises:

- A cargo that misbehaves is an `Outcome`, never an exception. A cargo that may not run here is `Refused` by
  `prepare`. What is wrong with the machine is `RuntimeBroken` there, and `End.ISLAND_FAULT` after it.
- The reader sets the pace. Whoever reads `lines()` slowly blocks the cargo in its write while the clock runs;
  nothing is queued without a bound.
- `stop()` kills at once: a cargo has nothing to save. The time-out takes the same way.
- After `outcome()` nothing of the job is left, and after `aclose()` nothing of the runtime: no process, no
  descriptor, no task. That holds too if the caller is cancelled at any await.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, assert_never

STDERR_TAIL_BYTES_MAX = 64 << 10
"""Of standard error, the end is kept: the last words explain a crash."""

_SHELL_CANNOT_START = (126, 127)


class End(StrEnum):
    """How a job ended. Closed: a runtime that meets something new calls it `ISLAND_FAULT` and says what it was."""

    EXITED = "exited"
    TRAPPED = "trapped"
    OUT_OF_FUEL = "out_of_fuel"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    OUTPUT_LIMIT = "output_limit"
    LINE_LIMIT = "line_limit"
    REFUSED = "refused"
    STOPPED = "stopped"
    ISLAND_FAULT = "island_fault"


class Fault(StrEnum):
    """Who answers for the end: a cargo's fault is final, an island's is tried elsewhere."""

    CARGO = "cargo"
    ISLAND = "island"
    NOBODY = "nobody"


class Stop(StrEnum):
    """Why a job was stopped from outside."""

    CANCELLED = "cancelled"
    LEASE_LOST = "lease_lost"
    DEADLINE_PASSED = "deadline_passed"
    DRAINING = "draining"


class FailureCode(StrEnum):
    """The protocol's words for a failed job, as far as a runtime can cause them."""

    CRASHED = "crashed"
    CANNOT_START = "cannot_start"
    OUT_OF_FUEL = "out_of_fuel"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    OUTPUT_TOO_LARGE = "output_too_large"
    VERIFICATION_FAILED = "verification_failed"
    RUNTIME_MISSING = "runtime_missing"


class Refusal(StrEnum):
    """Why `prepare` will not take a cargo."""

    DIGEST_MISMATCH = "digest_mismatch"
    MODULE_TOO_LARGE = "module_too_large"
    NOT_A_CORE_MODULE = "not_a_core_module"
    MODULE_INVALID = "module_invalid"
    IMPORT_FOREIGN = "import_foreign"
    IMPORT_NOT_EXACT = "import_not_exact"
    EXPORT_MISSING = "export_missing"
    MEMORY_TOO_LARGE = "memory_too_large"
    MEMORY_OVER_CLASS = "memory_over_class"
    COMPILING_TOO_COSTLY = "compiling_too_costly"


class Refused(Exception):
    """The cargo may not run here. `code` is for programs, `detail` for a person."""

    def __init__(self, code: Refusal, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class RuntimeBroken(Exception):
    """The island, not the cargo, is at fault: nothing may be concluded about the cargo. Probe again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """The bytes of a cargo and the digest they must have, as `sha256:` and 64 lower-case hex digits.

    `is_exact` says that the manifest promises equal bytes on every island: a runtime then refuses what would
    let the cargo see a clock, entropy or its neighbours' timing.
    """

    digest: str
    content: bytes
    is_exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one job may use. The defaults are those of trust level 0.

    `line_bytes` is without the line's end; `fuel` binds WebAssembly only. Raises `ValueError` that names the field.
    """

    memory_mb: int = 256
    wall_s: float = 60.0
    fuel: int = 10**10
    output_bytes: int = 4 << 20
    line_bytes: int = 64 << 10

    def __post_init__(self) -> None:
        for name in ("memory_mb", "wall_s", "fuel", "output_bytes", "line_bytes"):
            if getattr(self, name) <= 0:
                raise ValueError(f"limits.{name} must be greater than 0, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a self-test found. Only what is `offered` may be advertised; `reasons` say why it is not.

    `score` is measured, and compares islands that offer the same runtime; each runtime states its unit. `walls`
    are the protections that hold around a cargo, `gaps` those that this machine cannot give: with a gap an
    island offers levels 2 and 3 only. `memory_mb_max` is the largest `Limits.memory_mb` that is taken.
    """

    runtime: str
    offered: bool
    engine: str
    engine_version: str
    score: float = 0.0
    memory_mb_max: int = 0
    walls: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one job ended and what it used. None means that this runtime, or this end, cannot tell.

    `exit_code` belongs to `EXITED`, `stop` to `STOPPED`. `stdout_bytes` and `lines` count what was read.
    `fuel_metered` is the same on every engine and is what is charged; `fuel_engine` is an abuse bound only.
    """

    end: End
    exit_code: int | None = None
    stop: Stop | None = None
    detail: str = ""
    wall_ms: int = 0
    cpu_ms: int | None = None
    memory_peak_mb: int | None = None
    fuel_metered: int | None = None
    fuel_engine: int | None = None
    stdout_bytes: int = 0
    lines: int = 0
    stderr_tail: bytes = b""


def failure_code(outcome: Outcome) -> FailureCode | None:
    """The protocol's code; None where nothing failed: an exit with 0, or a stop that was asked for."""
    match outcome.end:
        case End.EXITED if outcome.exit_code == 0:
            return None
        case End.EXITED if outcome.exit_code in _SHELL_CANNOT_START:
            return FailureCode.CANNOT_START
        case End.EXITED | End.TRAPPED:
            return FailureCode.CRASHED
        case End.OUT_OF_FUEL:
            return FailureCode.OUT_OF_FUEL
        case End.OUT_OF_MEMORY:
            return FailureCode.OUT_OF_MEMORY
        case End.TIMED_OUT:
            return FailureCode.TIMED_OUT
        case End.OUTPUT_LIMIT | End.LINE_LIMIT:
            return FailureCode.OUTPUT_TOO_LARGE
        case End.REFUSED:
            return FailureCode.VERIFICATION_FAILED
        case End.STOPPED:
            return None
        case End.ISLAND_FAULT:
            return FailureCode.RUNTIME_MISSING
        case _:
            assert_never(outcome.end)


def fault(outcome: Outcome) -> Fault:
    """Who answers for the outcome. A refusal is nobody's: it is counted as such, and costs no karma."""
    if failure_code(outcome) is None:
        return Fault.NOBODY
    match outcome.end:
        case End.ISLAND_FAULT:
            return Fault.ISLAND
        case End.REFUSED | End.STOPPED:
            return Fault.NOBODY
        case (
            End.EXITED
            | End.TRAPPED
            | End.OUT_OF_FUEL
            | End.OUT_OF_MEMORY
            | End.TIMED_OUT
            | End.OUTPUT_LIMIT
            | End.LINE_LIMIT
        ):
            return Fault.CARGO
        case _:
            assert_never(outcome.end)


class Prepared(Protocol):
    """A cargo that was admitted and is ready to start, any number of times. It holds no more than memory."""

    @property
    def digest(self) -> str: ...


class Running(Protocol):
    """One job on its way. Whoever started it awaits `outcome()` in the end."""

    def lines(self) -> AsyncIterator[bytes]:
        """Standard output, one line an item with its line feed; an unfinished last line comes without. One reader."""
        ...

    async def stop(self, why: Stop) -> None:
        """Kill the job; lines not read yet are dropped. Repeatable; the first reason stays; done in 2 s."""
        ...

    async def outcome(self) -> Outcome:
        """How it ended: the same answer each time, after the last line and after everything is removed.

        Never raises. Read the lines first: what nobody has read when the cargo ends is counted and dropped, but
        until then a full pipe blocks the cargo.
        """
        ...


class Runtime(Protocol):
    async def probe(self) -> Capability:
        """Run a known cargo and compare its answer. Never raises: what is wrong stands in `reasons`."""
        ...

    async def prepare(self, cargo: Artifact, limits: Limits) -> Prepared:
        """Verify, admit and compile or load. Raises `Refused` or `RuntimeBroken`."""
        ...

    async def start(self, prepared: Prepared, stdin: bytes, limits: Limits) -> Running:
        """Run it, waiting for a free slot if need be; the clock of `wall_s` starts with the cargo.

        `stdin` is handed over as it is, then comes the end of file: the caller ends its line.
        """
        ...

    async def aclose(self) -> None:
        """Stop every job and leave nothing behind. Repeatable."""
        ...
