"""What may be asked of an account. Every id and every instant arrives from outside; `domain.account` decides."""

from dataclasses import dataclass

from domain.ids import AccountId, CargoSlug, IslandId, JobId
from domain.pricing import PriceUnit
from domain.refund import ChargePart


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount:
    account_id: AccountId
    name: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantCredits:
    account_id: AccountId
    grant_id: str
    amount_micro: int
    reason: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldCredits:
    """`is_batch`: the id is that of a batch, and the amount is for all of its parts."""

    account_id: AccountId
    job_id: JobId
    amount_micro: int
    now_ms: int
    is_batch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleHold:
    """`charge_micro` is for `units` at `unit_price_micro` each, or for as much of it as the hold covers."""

    account_id: AccountId
    job_id: JobId
    charge_micro: int
    price_unit: PriceUnit = PriceUnit.JOB
    units: int = 1
    unit_price_micro: int = 0
    island_id: IslandId
    owner_id: AccountId
    publisher_id: AccountId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseHold:
    account_id: AccountId
    job_id: JobId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnedShare:
    """`island_id` is empty for the publisher's share."""

    island_id: IslandId | None
    amount_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnCredits:
    """What an account earned by one settled charge: its island's share, the publisher's, or both in one commit."""

    account_id: AccountId
    job_id: JobId
    shares: tuple[EarnedShare, ...]
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEscrow:
    """The island has reached the karma for payouts: what it earned is free, now and from now on."""

    account_id: AccountId
    island_id: IslandId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitHold:
    """Moves part of what is held for `job_id` to a hold of its own for `into_job_id`."""

    account_id: AccountId
    job_id: JobId
    into_job_id: JobId
    amount_micro: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectCredits:
    """`original` is the address of the event that was wrong; a negative amount takes free credits back."""

    account_id: AccountId
    correction_id: str
    original: str
    amount_micro: int
    reason: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBackEarning:
    """`part` of the charge of a job is to go back to `payer_id`, as far as it is still there."""

    account_id: AccountId
    job_id: JobId
    part: ChargePart
    island_id: IslandId | None
    original: str
    payer_id: AccountId
    amount_micro: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveRefund:
    """`refund_id` says which part and from whom: each arrives once."""

    account_id: AccountId
    job_id: JobId
    refund_id: str
    original: str
    amount_micro: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveCompensation:
    account_id: AccountId
    job_id: JobId
    amount_micro: int
    reason: str
    compensation_rules_version: int
    evidence: tuple[str, ...]
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveBid:
    """What this account bids for a unit of a cargo where a job does not say; None forgets it."""

    account_id: AccountId
    slug: CargoSlug
    bid_micro: int | None
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameAccount:
    account_id: AccountId
    name: str
    now_ms: int


AccountCommand = (
    OpenAccount
    | GrantCredits
    | HoldCredits
    | SplitHold
    | SettleHold
    | ReleaseHold
    | EarnCredits
    | ReleaseEscrow
    | CorrectCredits
    | TakeBackEarning
    | ReceiveRefund
    | ReceiveCompensation
    | SaveBid
    | RenameAccount
)
