"""What happens to a job. Fields are storage format: add with a default, never rename, never change a meaning.

Decided in `domain.job`, stored under the literal names of `adapters.codec`. Times are Unix milliseconds of the
coordinator's clock, money is micro-credits.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, assert_never

from domain.bid import BidSource
from domain.cargo_spec import CargoSpec, Runtime
from domain.check_draw import CheckReason
from domain.failure import Failure, Fault, Loss, ReturnReason
from domain.ids import AccountId, CargoSlug, IslandId, JobId
from domain.personal import PersonalOf
from domain.placement import Explanation, RefusalCount
from domain.pricing import PriceUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a run used, as far as the island said so. Tokens count where the cargo reports them."""

    wall_ms: int = 0
    cpu_ms: int | None = None
    memory_peak_mb: int | None = None
    fuel: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where a complete output lies and what it is. Positions are sequences of the `JOB_OUTPUT` stream.

    `digest` is `sha256:` over the chunks in order; `after` and `last` bracket the positions of all its messages.
    """

    digest: str
    chunks: int
    output_bytes: int
    after: int
    last: int


class Grade(StrEnum):
    """How sure it is that the island said so."""

    SIGNED = "signed"  # It signed its claim, and with it the digest of the output.
    UNSIGNED = (
        "unsigned"  # Only its connection vouches for it: an island with a password, or a result of old.
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSubmitted:
    """`input_json` is the input as one JSON text; `request_sha256` tells a repeated request from another one.

    `batch_id` is the batch that the job is the `batch_index`-th part of, `check_id` the job whose result it is a second
    opinion on, `rerun_of` the job that it does again. `unit_bid_micro` is the most that a unit of a metered cargo may
    cost, 0 where the bid is all there is.
    """

    job_id: JobId
    account_id: AccountId
    cargo: CargoSpec
    input_json: Annotated[str, PersonalOf("account_id", holds_json=True, copied=True)]
    bid_micro: int
    priority: int
    region: str | None
    request_sha256: str
    queue_limit_ms: int
    submitted_at_ms: int
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
class JobAssigned:
    """`check` says why the result will be looked at twice. Nobody is told before the job has ended."""

    job_id: JobId
    account_id: AccountId
    cargo_slug: CargoSlug
    attempt: int
    island_id: IslandId
    owner_id: AccountId
    price_micro: int
    assigned_at_ms: int
    lease_ends_at_ms: int
    output_after: int
    explanation: Explanation
    check: CheckReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementDeferred:
    """No island fits now. Recorded when the reasons change, not at every look.

    The last three are those of the decision's `Explanation`; 0 in events from before they were kept.
    """

    job_id: JobId
    account_id: AccountId
    refusals: tuple[RefusalCount, ...]
    considered: int
    deferred_at_ms: int
    rules_version: int = 0
    view_position: int = 0
    turn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted:
    job_id: JobId
    account_id: AccountId
    attempt: int
    island_id: IslandId
    started_at_ms: int
    deadline_ms: int
    lease_ends_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRenewed:
    job_id: JobId
    attempt: int
    island_id: IslandId
    lease_ends_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLost:
    job_id: JobId
    account_id: AccountId
    attempt: int
    island_id: IslandId
    loss: Loss
    lost_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed:
    job_id: JobId
    account_id: AccountId
    attempt: int
    island_id: IslandId
    code: Failure
    fault: Fault
    detail: Annotated[str, PersonalOf("account_id")]
    failed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptReturned:
    """Given back by the island, for example to protect the device."""

    job_id: JobId
    account_id: AccountId
    attempt: int
    island_id: IslandId
    reason: ReturnReason
    was_started: bool
    returned_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSucceeded:
    """`check_id` is the check whose verdict its payment waits for; without one it is paid at once.

    `is_exact`: two honest islands give the same bytes, so this result can be compared with another.
    `charge_micro` is due for `units` of `price_unit` at `price_micro` each, cut to the hold; it is 0 in events from
    before prices had units, where `price_micro` is the charge.
    """

    job_id: JobId
    account_id: AccountId
    cargo_slug: CargoSlug
    attempt: int
    island_id: IslandId
    owner_id: AccountId
    publisher_id: AccountId
    price_micro: int
    output: Output
    usage: Usage
    worked_ms: int
    succeeded_at_ms: int
    grade: Grade = Grade.UNSIGNED
    runtime: Runtime | None = None
    is_exact: bool = False
    check: CheckReason | None = None
    check_id: JobId | None = None
    charge_micro: int = 0
    price_unit: PriceUnit = PriceUnit.JOB
    units: int = 1
    batch_id: JobId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed:
    """`check_id` is the check that waits for an answer of this job, if one does."""

    job_id: JobId
    account_id: AccountId
    code: str
    detail: Annotated[str, PersonalOf("account_id")]
    attempt: int
    island_id: IslandId | None
    failed_at_ms: int
    check_id: JobId | None = None
    batch_id: JobId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCancelled:
    """`charge_micro` is 0 unless output had begun; then the island's ask is due, for the units it had worked by then.

    `unit_price_micro` is that ask, and 0 in events from before prices had units.
    """

    job_id: JobId
    account_id: AccountId
    attempt: int
    island_id: IslandId | None
    owner_id: AccountId | None
    publisher_id: AccountId
    charge_micro: int
    cancelled_at_ms: int
    check_id: JobId | None = None
    price_unit: PriceUnit = PriceUnit.JOB
    units: int = 1
    unit_price_micro: int = 0
    batch_id: JobId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAbandoned:
    """Credits were held for a job that never arrived. From now on it never can."""

    job_id: JobId
    account_id: AccountId
    abandoned_at_ms: int


JobEvent = (
    JobSubmitted
    | JobAssigned
    | PlacementDeferred
    | AttemptStarted
    | LeaseRenewed
    | AttemptLost
    | AttemptFailed
    | AttemptReturned
    | JobSucceeded
    | JobFailed
    | JobCancelled
    | JobAbandoned
)


def ended_at_ms(event: AttemptLost | AttemptFailed | AttemptReturned) -> int:
    """When the attempt ended; from then on its job waits in the queue anew."""
    match event:
        case AttemptLost():
            return event.lost_at_ms
        case AttemptFailed():
            return event.failed_at_ms
        case AttemptReturned():
            return event.returned_at_ms
        case _:
            assert_never(event)


def what_happened(event: AttemptLost | AttemptFailed | AttemptReturned) -> str:
    """How an attempt ended, in a few words for a person."""
    match event:
        case AttemptLost():
            return event.loss
        case AttemptFailed():
            return f"{event.code}: {event.detail}" if event.detail else event.code
        case AttemptReturned():
            return f"returned, {event.reason}"
        case _:
            assert_never(event)
