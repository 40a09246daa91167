"""What may be asked of a check. Every id and every instant arrives from outside; `domain.check` decides."""

from dataclasses import dataclass

from domain.check_draw import CheckReason
from domain.ids import AccountId, IslandId, JobId
from domain.job_events import JobSucceeded


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCheck:
    """For a job whose customer asked for `runs` runs: each may cost `bid_micro` of the customer's own hold."""

    job_id: JobId
    account_id: AccountId
    runs: int
    bid_micro: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """For a result that is there already: one more run, at the network's expense."""

    run: JobSucceeded
    reason: CheckReason
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAnswer:
    job_id: JobId
    run: JobSucceeded
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordNoAnswer:
    """The run failed, was cancelled or could not be ordered. `ends_check`: nobody wants an answer any longer."""

    job_id: JobId
    run_id: JobId
    ends_check: bool = False
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseCheck:
    """The check may have waited long enough; it decides by its own state."""

    job_id: JobId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskKnownAnswer:
    """Give the job to this island, which shall not know that its answer is known."""

    job_id: JobId
    island_id: IslandId
    now_ms: int


CheckCommand = OpenCheck | CheckResult | RecordAnswer | RecordNoAnswer | CloseCheck | AskKnownAnswer
