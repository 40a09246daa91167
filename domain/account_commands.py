"""What may be asked of an account. Every id and every instant arrives from outside; `domain.account` decides."""

from dataclasses import dataclass

from domain.ids import AccountId, IslandId, JobId


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
    account_id: AccountId
    job_id: JobId
    amount_micro: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleHold:
    account_id: AccountId
    job_id: JobId
    charge_micro: int
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


AccountCommand = (
    OpenAccount
    | GrantCredits
    | HoldCredits
    | SplitHold
    | SettleHold
    | ReleaseHold
    | EarnCredits
    | ReleaseEscrow
)
