"""What happens to an account. Fields are storage format: add with a default, never rename, never change a meaning.

Decided in `domain.account`, stored under the literal names of `adapters.codec`. Every event that moves credits is one
balanced transaction of the ledger. Amounts are whole micro-credits, times Unix milliseconds of the coordinator's clock.
"""

from dataclasses import dataclass
from typing import Annotated

from domain.ids import AccountId, CargoSlug, IslandId, JobId
from domain.personal import PersonalOf
from domain.pricing import PriceUnit
from domain.refund import ChargePart


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOpened:
    account_id: AccountId
    name: Annotated[str, PersonalOf("account_id")]
    opened_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsGranted:
    account_id: AccountId
    grant_id: str
    amount_micro: int
    reason: Annotated[str, PersonalOf("account_id")]
    granted_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsHeld:
    """`is_batch`: the id is that of a batch, and every part takes its share by a `HoldSplit`."""

    account_id: AccountId
    job_id: JobId
    amount_micro: int
    held_at_ms: int
    is_batch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSettled:
    """The charge leaves the hold: the fee to the platform, the rest to clearing until `CreditsEarned` takes it.

    It is for `units` at `unit_price_micro` each, or for as much of it as was held. Events from before prices had units
    have a `unit_price_micro` of 0 and were charged for one job.
    """

    account_id: AccountId
    job_id: JobId
    charged_micro: int
    released_micro: int
    platform_fee_micro: int
    publisher_micro: int
    island_micro: int
    island_id: IslandId
    owner_id: AccountId
    publisher_id: AccountId
    price_rules_version: int
    settled_at_ms: int
    price_unit: PriceUnit = PriceUnit.JOB
    units: int = 1
    unit_price_micro: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldReleased:
    account_id: AccountId
    job_id: JobId
    released_micro: int
    released_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsEarned:
    """`island_id` is empty where the publisher's share is earned. Escrowed credits wait for the island's karma."""

    account_id: AccountId
    job_id: JobId
    island_id: IslandId | None
    amount_micro: int
    escrowed: bool
    earned_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowReleased:
    account_id: AccountId
    island_id: IslandId
    amount_micro: int
    released_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSplit:
    """Part of a hold stands for another job from now on: a run of a batch or a second opinion. No credits move."""

    account_id: AccountId
    job_id: JobId
    into_job_id: JobId
    amount_micro: int
    split_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsCorrected:
    """An operator put right what the event `original` (`position.index`) had wrong. A negative amount goes back."""

    account_id: AccountId
    correction_id: str
    original: str
    amount_micro: int
    reason: Annotated[str, PersonalOf("account_id")]
    corrected_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningTakenBack:
    """A charge is refunded, and this is what of one part of it was still there. The treasury covers `missing_micro`.

    `original` is the address of the settlement; `island_id` is empty for the publisher's part.
    """

    account_id: AccountId
    job_id: JobId
    part: ChargePart
    island_id: IslandId | None
    original: str
    payer_id: AccountId
    from_escrow_micro: int
    from_free_micro: int
    missing_micro: int
    taken_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRefunded:
    """Part of what a job had cost came back. `original` is the address of its settlement."""

    account_id: AccountId
    job_id: JobId
    refund_id: str
    original: str
    amount_micro: int
    refunded_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompensationPaid:
    """The network makes up for a job that was lost or late. `evidence` are addresses of the attempts that ended."""

    account_id: AccountId
    job_id: JobId
    amount_micro: int
    reason: str
    compensation_rules_version: int
    evidence: tuple[str, ...]
    paid_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRanLow:
    """The free credits fell below the limit; said once until they have recovered."""

    account_id: AccountId
    free_micro: int
    limit_micro: int
    ran_low_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRecovered:
    account_id: AccountId
    free_micro: int
    recovered_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BidSaved:
    """What the account bids for a unit of a cargo where a job does not say. None: nothing any more."""

    account_id: AccountId
    slug: CargoSlug
    bid_micro: int | None
    saved_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRenamed:
    account_id: AccountId
    name: Annotated[str, PersonalOf("account_id")]
    renamed_at_ms: int


AccountEvent = (
    AccountOpened
    | CreditsGranted
    | CreditsHeld
    | HoldSplit
    | HoldSettled
    | HoldReleased
    | CreditsEarned
    | EscrowReleased
    | CreditsCorrected
    | EarningTakenBack
    | ChargeRefunded
    | CompensationPaid
    | BalanceRanLow
    | BalanceRecovered
    | BidSaved
    | AccountRenamed
)
