"""What happens to a batch. Fields are storage format: add with a default, never rename, never change a meaning.

Decided in `domain.batch`, stored under the literal names of `adapters.codec`. A batch has the id of a job: whoever asks
for that job gets the batch as one. Times are Unix milliseconds of the coordinator's clock, money is micro-credits.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from domain.cargo_spec import CargoSpec
from domain.ids import AccountId, JobId
from domain.personal import PersonalOf


class Merge(StrEnum):
    """How the outputs of the parts become one, always in the order of the inputs."""

    CONCAT = "concat"  # One text behind the other; where each is a JSON array, one array.
    FLATTEN = "flatten"  # One JSON array: the elements of outputs that are arrays, the others as they are.


class FailMode(StrEnum):
    """What the failure of one part means for the others."""

    BEST_EFFORT = "best_effort"  # The others go on; the batch fails only where none succeeds.
    FAIL_FAST = "fail_fast"  # The others are cancelled, and the batch has failed.


class Outcome(StrEnum):
    """How a batch, or a part of one, ended."""

    SUCCEEDED = "succeeded"  # With a result.
    FAILED = "failed"  # Without; the code says why.
    CANCELLED = "cancelled"  # Because somebody asked for it.


class BatchEnd(StrEnum):
    """Codes of a failed batch."""

    PART_FAILED = "part_failed"  # One part failed, and the batch was submitted as fail_fast.
    ALL_PARTS_FAILED = "all_parts_failed"  # No part succeeded.


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One input of a batch as one JSON text, and the job that it becomes."""

    job_id: JobId
    input_json: Annotated[str, PersonalOf("account_id", holds_json=True, copied=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSubmitted:
    """Every part is a job of its own on these terms. `bid_micro` is the bid of one part; the sum of all is held."""

    batch_id: JobId
    account_id: AccountId
    cargo: CargoSpec
    parts: tuple[Part, ...]
    merge: Merge
    fail_mode: FailMode
    parallelism_max: int
    bid_micro: int
    unit_bid_micro: int
    priority: int
    region: str | None
    privacy_tier: int
    excluded_owners: tuple[AccountId, ...]
    queue_limit_ms: int
    request_sha256: str
    submitted_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStarted:
    """The part is in the queue from now on, as a job of its own."""

    batch_id: JobId
    account_id: AccountId
    index: int
    job_id: JobId
    started_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEnded:
    """`code` is that of the job's failure."""

    batch_id: JobId
    account_id: AccountId
    index: int
    job_id: JobId
    outcome: Outcome
    code: str | None
    ended_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStopped:
    """No further part starts, and those that `running` names are cancelled. Its end follows when they have ended."""

    batch_id: JobId
    account_id: AccountId
    outcome: Outcome
    code: str | None
    detail: str
    running: tuple[JobId, ...]
    stopped_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEnded:
    """`succeeded` and `failed` count parts; those cancelled count as failed, those never started as neither."""

    batch_id: JobId
    account_id: AccountId
    outcome: Outcome
    code: str | None
    detail: str
    succeeded: int
    failed: int
    ended_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAbandoned:
    """Credits were held for a batch that never arrived. From now on it never can."""

    batch_id: JobId
    account_id: AccountId
    abandoned_at_ms: int


BatchEvent = BatchSubmitted | PartStarted | PartEnded | BatchStopped | BatchEnded | BatchAbandoned
