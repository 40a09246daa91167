"""Why an attempt or a job failed: a closed set of codes, and whose fault each is.

The fault decides what follows: the cargo's own fault is final, everybody else's is tried on another island. Codes are
shown to users and stored in events. Source: protocol page 4.7 and rules page, section 1.
"""

from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    CARGO = "cargo"
    ISLAND = "island"
    NETWORK = "network"
    NOBODY = "nobody"


class Failure(StrEnum):
    """What went wrong with an attempt, as reported by the island or found by the coordinator."""

    CRASHED = "crashed"
    CANNOT_START = "cannot_start"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    OUT_OF_FUEL = "out_of_fuel"
    OUTPUT_TOO_LARGE = "output_too_large"
    EMPTY_RESULT = "empty_result"
    OUTPUT_INCOMPLETE = "output_incomplete"
    ENGINE_ERROR = "engine_error"
    IMAGE_UNAVAILABLE = "image_unavailable"
    DOWNLOAD_FAILED = "download_failed"
    VERIFICATION_FAILED = "verification_failed"
    RUNTIME_MISSING = "runtime_missing"
    BAD_ASSIGNMENT = "bad_assignment"
    UNCLASSIFIED = "unclassified"


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
    """Codes of a failed job that no single attempt explains. Attempt codes of the cargo's fault are used as they are."""

    UNPLACEABLE = "unplaceable"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"


class Loss(StrEnum):
    """Why an attempt was lost."""

    LEASE_LOST = "lease_lost"
    NEVER_STARTED = "never_started"


class ReturnReason(StrEnum):
    """Why an island gave an attempt back. None of these costs karma but a refusal after accepting."""

    POLICY = "policy"
    CAPACITY = "capacity"
    VERIFICATION = "verification"
    RUNTIME = "runtime"
    DRAIN = "drain"
    HEAT = "heat"
    BATTERY = "battery"
    METERED = "metered"
    OWNER = "owner"
    RESTART = "restart"
