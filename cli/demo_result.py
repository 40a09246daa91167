"""What a run of the demo has found, computed from the run. Written by `cli.demo`, read by scripts and by our tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from cli.demo_jobs import Hashed

if TYPE_CHECKING:
    from projections.rebuild import Verified

MICRO_PER_CREDIT: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """`first_output_ms` is from the first request to the first output of any job; `seconds` is the whole run."""

    ok: bool
    jobs: int
    succeeded: int
    outputs_verified: int
    events: int
    charged_micro: int
    ledger_sum_micro: int
    rebuild_equal: bool
    first_output_ms: int
    seconds: float


def demo_result(
    hashed: Sequence[Hashed],
    jobs: Sequence[dict[str, Any]],
    compared: Sequence["Verified"],
    *,
    events: int,
    ledger_sum_micro: int,
    submitting_s: float,
) -> DemoResult:
    """`submitting_s` is when the first request was sent, on the monotonic clock. `seconds` is set at the very end."""
    succeeded = sum(job["state"] == "succeeded" for job in jobs)
    verified = sum(one.is_verified for one in hashed)
    charged_micro = sum(micro(job.get("charged", "0")) for job in jobs)
    is_equal = bool(compared) and all(one.is_equal for one in compared)
    outputs_s = [one.first_output_s for one in hashed if one.first_output_s is not None]
    all_well = len(hashed) == len(jobs) == succeeded == verified > 0
    return DemoResult(
        ok=all_well and is_equal and ledger_sum_micro == 0 and charged_micro > 0,
        jobs=len(jobs),
        succeeded=succeeded,
        outputs_verified=verified,
        events=events,
        charged_micro=charged_micro,
        ledger_sum_micro=ledger_sum_micro,
        rebuild_equal=is_equal,
        first_output_ms=round((min(outputs_s) - submitting_s) * 1000) if outputs_s else 0,
        seconds=0.0,
    )


def micro(credits_text: str) -> int:
    """`0.5` -> 500000."""
    return int(Decimal(credits_text) * MICRO_PER_CREDIT)
