"""Why an attempt or a job failed: a closed set of codes, and whose fault each is.

The fault decides what follows: the cargo's own fault is final, everybody else's is tried on another island. Codes are
shown to users and stored in events.
"""

from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    CARGO = "cargo"  # Final: it would fail anywhere.
    ISLAND = "island"  # Tried elsewhere; costs the island karma.
    NETWORK = "network"  # Tried elsewhere; costs nobody.
    NOBODY = "nobody"  # Tried elsewhere; costs nobody.


class Failure(StrEnum):
    """What went wrong with an attempt, as reported by the island or found by the coordinator."""

    CRASHED = "crashed"  # The cargo ended with an error or a trap.
    CANNOT_START = "cannot_start"  # The artifact is not what its runtime can start.
    TIMED_OUT = "timed_out"  # Longer than the cargo's wall limit.
    OUT_OF_MEMORY = "out_of_memory"  # More memory than the cargo's limit.
    OUT_OF_FUEL = "out_of_fuel"  # More instructions than the cargo's fuel.
    OUTPUT_TOO_LARGE = "output_too_large"  # More output than the cargo's limit.
    EMPTY_RESULT = "empty_result"  # It ended well and said nothing.
    OUTPUT_INCOMPLETE = "output_incomplete"  # Chunks are missing or the digest differs.
    ENGINE_ERROR = "engine_error"  # The runtime itself failed.
    IMAGE_UNAVAILABLE = "image_unavailable"  # The artifact could not be found.
    DOWNLOAD_FAILED = "download_failed"  # The artifact or the input did not arrive.
    VERIFICATION_FAILED = "verification_failed"  # Digest or signature did not match.
    RUNTIME_MISSING = "runtime_missing"  # The runtime it registered is gone.
    BAD_ASSIGNMENT = "bad_assignment"  # The assignment could not be understood.
    UNCLASSIFIED = "unclassified"  # A code that this version does not know.


FAULT_OF: Final = {
    Failure.CRASHED: Fault.CARGO,
    Failure.CANNOT_START: Fault.CARGO,
    Failure.TIMED_OUT: Fault.CARGO,
    Failure.OUT_OF_MEMORY: Fault.CARGO,
    Failure.OUT_OF_FUEL: Fault.CARGO,
    Failure.OUTPUT_TOO_LARGE: Fault.CARGO,
    Failure.EMPTY_RESULT: Fault.ISLAND,
    Failure.OUTPUT_INCOMPLETE: Fault.NETWORK,
    Failure.ENGINE_ERROR: Fault.ISLAND,
    Failure.IMAGE_UNAVAILABLE: Fault.ISLAND,
    Failure.DOWNLOAD_FAILED: Fault.ISLAND,
    Failure.VERIFICATION_FAILED: Fault.ISLAND,
    Failure.RUNTIME_MISSING: Fault.ISLAND,
    Failure.BAD_ASSIGNMENT: Fault.NOBODY,
    Failure.UNCLASSIFIED: Fault.ISLAND,
}
"""An island cannot choose its fault: the code decides."""

CARGO_FAULT_ON_SECOND_ISLAND: Final = frozenset(
    {
        Failure.EMPTY_RESULT,
        Failure.ENGINE_ERROR,
        Failure.IMAGE_UNAVAILABLE,
        Failure.DOWNLOAD_FAILED,
        Failure.VERIFICATION_FAILED,
    }
)
"""When a second island says the same, it was the cargo after all."""


class JobEnd(StrEnum):
    """Codes of a failed job that no one attempt explains. Attempt codes of the cargo's fault are used as they are."""

    UNPLACEABLE = "unplaceable"  # No island fitted before the queue deadline; the counted reasons say why.
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"  # Tried as often as the rules allow.
    CARGO_DISABLED = "cargo_disabled"  # An operator switched the cargo off for everybody.


class Loss(StrEnum):
    """Why an attempt was lost."""

    LEASE_LOST = "lease_lost"  # The island stopped renewing its lease.
    NEVER_STARTED = "never_started"  # The island never took the assignment.
    ISLAND_BARRED = "island_barred"  # The island was suspended, removed or revoked in the meantime.
    CARGO_DISABLED = "cargo_disabled"  # An operator switched the cargo off for everybody.

    @property
    def is_counted(self) -> bool:
        """Whether it counts against the job and the island; an attempt that an operator ended does not."""
        return self not in {Loss.ISLAND_BARRED, Loss.CARGO_DISABLED}


class ReturnReason(StrEnum):
    """Why an island gave an attempt back. None of these costs karma but a refusal after accepting."""

    POLICY = "policy"  # Its owner's rules exclude the job.
    CAPACITY = "capacity"  # No slot was free after all.
    VERIFICATION = "verification"  # It could not check the artifact.
    RUNTIME = "runtime"  # The runtime is not ready.
    DRAIN = "drain"  # It is shutting down.
    HEAT = "heat"  # It is too hot.
    BATTERY = "battery"  # Its battery is low.
    METERED = "metered"  # Its connection is metered.
    OWNER = "owner"  # Its owner switched it off.
    RESTART = "restart"  # It restarted.
