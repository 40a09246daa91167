"""What may be asked of a batch. Every id and every instant arrives from outside; `domain.batch` decides."""

from dataclasses import dataclass

from domain.batch_events import FailMode, Merge, Outcome, Part
from domain.cargo_spec import CargoSpec
from domain.ids import AccountId, JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitBatch:
    batch_id: JobId
    account_id: AccountId
    cargo: CargoSpec
    parts: tuple[Part, ...]
    merge: Merge
    fail_mode: FailMode
    parallelism_max: int
    bid_micro: int
    unit_bid_micro: int = 0
    priority: int
    region: str | None
    privacy_tier: int = 0
    excluded_owners: tuple[AccountId, ...] = ()
    queue_limit_ms: int
    request_sha256: str
    now_ms: int

    @property
    def hold_micro(self) -> int:
        """What all parts may cost together."""
        return self.bid_micro * len(self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPart:
    """The job of a part has ended, or could not be submitted at all."""

    batch_id: JobId
    job_id: JobId
    outcome: Outcome
    code: str | None
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelBatch:
    batch_id: JobId
    account_id: AccountId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonBatch:
    batch_id: JobId
    account_id: AccountId
    now_ms: int


BatchCommand = SubmitBatch | EndPart | CancelBatch | AbandonBatch
