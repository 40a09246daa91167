"""Which results are looked at twice. The draw is repeatable, and nobody outside can foretell it.

Used by the placing process when it assigns an attempt. A result is worth a second look only where two honest islands
give the same bytes. An island with few valid results in a row is always checked, a proven one seldom, none never.
"""

from enum import StrEnum
from hashlib import blake2b
from typing import Final

from domain.ids import JobId

PROVEN_IN_ROW: Final = 10  # Valid results in a row for a runtime; with fewer, every result is checked.
MILLION: Final = 1_000_000
SHARE_MIN_PPM: Final = 20_000  # However long the row, one result in fifty is checked.
SECRET_BYTES_MAX: Final = 64  # What the keyed hash can take.


class CheckReason(StrEnum):
    """Why a job was run more than once."""

    REDUNDANCY = "redundancy"  # Its customer asked for several runs.
    NEWCOMER = "newcomer"  # Its island has few valid results in a row for this runtime.
    SAMPLED = "sampled"  # It was drawn.
    TIE_BREAK = "tie_break"  # The runs so far disagreed.
    RECHECK = "recheck"  # Another result of its island was contradicted.
    KNOWN_ANSWER = "known_answer"  # The answer was known already; it shows whether an island is honest.


def drawn(secret: bytes, job_id: JobId, valid_in_row: int) -> CheckReason | None:
    """Why the result of this job is to be checked, or None. `valid_in_row` is that of the island, for the runtime."""
    if valid_in_row < PROVEN_IN_ROW:
        return CheckReason.NEWCOMER
    return CheckReason.SAMPLED if lot_ppm(secret, job_id) < share_ppm(valid_in_row) else None


def share_ppm(valid_in_row: int) -> int:
    """How many of a million results of a proven island are checked: one in as many as were valid in a row."""
    return max(MILLION // valid_in_row, SHARE_MIN_PPM)


def lot_ppm(secret: bytes, job_id: JobId) -> int:
    digest = blake2b(job_id.encode(), key=secret[:SECRET_BYTES_MAX], digest_size=8).digest()
    return int.from_bytes(digest, "big") % MILLION
