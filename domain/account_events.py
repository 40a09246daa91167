"""What happens to an account. Fields are storage format: add with a default, never rename, never change a meaning.

Decided in `domain.account`, stored under the literal names of `adapters.codec`. Every event that moves credits is one
balanced transaction of the ledger. Amounts are whole micro-credits, times Unix milliseconds of the coordinator's clock.
"""

from dataclasses import dataclass

from domain.ids import AccountId, IslandId, JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOpened:
    account_id: AccountId
    name: str
    opened_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsGranted:
    account_id: AccountId
    grant_id: str
    amount_micro: int
    reason: str
    granted_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsHeld:
    account_id: AccountId
    job_id: JobId
    amount_micro: int
    held_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSettled:
    """The charge leaves the hold: the fee to the platform, the rest to clearing until `CreditsEarned` takes it."""

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


AccountEvent = (
    AccountOpened
    | CreditsGranted
    | CreditsHeld
    | HoldSplit
    | HoldSettled
    | HoldReleased
    | CreditsEarned
    | EscrowReleased
)
