"""What may be asked of a job. Every id and every instant arrives from outside; `domain.job` decides."""

from dataclasses import dataclass

from domain.bid import BidSource
from domain.cargo_spec import CargoSpec
from domain.check_draw import CheckReason
from domain.failure import Failure, ReturnReason
from domain.ids import AccountId, IslandId, JobId
from domain.job_events import Grade, Output, Usage
from domain.placement import Explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitJob:
    job_id: JobId
    account_id: AccountId
    cargo: CargoSpec
    input_json: str
    bid_micro: int
    priority: int
    region: str | None
    request_sha256: str
    queue_limit_ms: int
    now_ms: int
    batch_id: JobId | None = None
    batch_index: int = 0
    check_id: JobId | None = None
    redundancy: int = 1
    unit_bid_micro: int = 0
    privacy_tier: int = 0
    excluded_owners: tuple[AccountId, ...] = ()
    only_island: IslandId | None = None
    rerun_of: JobId | None = None
    bid_source: BidSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignJob:
    job_id: JobId
    attempt: int
    island_id: IslandId
    owner_id: AccountId
    price_micro: int
    output_after: int
    explanation: Explanation
    now_ms: int
    check: CheckReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferPlacement:
    job_id: JobId
    explanation: Explanation
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAttempt:
    job_id: JobId
    attempt: int
    island_id: IslandId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewLease:
    job_id: JobId
    attempt: int
    island_id: IslandId
    extend_ms: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SucceedAttempt:
    job_id: JobId
    attempt: int
    island_id: IslandId
    output: Output
    usage: Usage
    grade: Grade = Grade.UNSIGNED
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailAttempt:
    job_id: JobId
    attempt: int
    island_id: IslandId
    code: Failure
    detail: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnAttempt:
    job_id: JobId
    attempt: int
    island_id: IslandId
    reason: ReturnReason
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireLease:
    job_id: JobId
    attempt: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonAttempt:
    """The island of this attempt is barred from the network; the job goes on elsewhere."""

    job_id: JobId
    attempt: int
    island_id: IslandId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopJob:
    """The job's cargo was switched off for everybody: the job ends wherever it is, and nobody is charged."""

    job_id: JobId
    reason: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOutJob:
    """The queue deadline or the execution deadline may have passed; the job decides which, if any."""

    job_id: JobId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelJob:
    job_id: JobId
    account_id: AccountId
    has_output: bool
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonJob:
    job_id: JobId
    account_id: AccountId
    now_ms: int


JobCommand = (
    SubmitJob
    | AssignJob
    | DeferPlacement
    | StartAttempt
    | RenewLease
    | SucceedAttempt
    | FailAttempt
    | ReturnAttempt
    | ExpireLease
    | AbandonAttempt
    | StopJob
    | TimeOutJob
    | CancelJob
    | AbandonJob
)
