"""What each event moves in the books: one balanced transaction of double entry, or nothing.

Used by the `ledger` projection, and by everything that checks the books by folding them a second time. Ledger accounts
are `mint` (where credits come from), `fees` (the platform's, not collected yet), `treasury` (collected fees),
`clearing` (left one account and not yet arrived at another) and, for every account, `free:<id>`, `held:<id>` and
`escrow:<id>`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from domain.account_events import (
    AccountEvent,
    AccountOpened,
    AccountRenamed,
    BalanceRanLow,
    BalanceRecovered,
    BidSaved,
    ChargeRefunded,
    CompensationPaid,
    CreditsCorrected,
    CreditsEarned,
    CreditsGranted,
    CreditsHeld,
    EarningTakenBack,
    EscrowReleased,
    HoldReleased,
    HoldSettled,
    HoldSplit,
)
from domain.ids import AccountId, IslandId, JobId
from domain.treasury_events import (
    CompensationGranted,
    FeesCollected,
    RefundCovered,
    RefundOwed,
    TreasuryEvent,
)

MINT: Final = "mint"
FEES: Final = "fees"
TREASURY: Final = "treasury"
CLEARING: Final = "clearing"

MoneyEvent = AccountEvent | TreasuryEvent


class Kind(StrEnum):
    """What a transaction was for."""

    GRANTED = "granted"
    HELD = "held"
    SPLIT = "split"
    SETTLED = "settled"
    RELEASED = "released"
    ISLAND_EARNED = "island_earned"
    PUBLISHER_EARNED = "publisher_earned"
    ESCROW_RELEASED = "escrow_released"
    CORRECTED = "corrected"
    TAKEN_BACK = "taken_back"
    REFUND_COVERED = "refund_covered"
    REFUNDED = "refunded"
    FEES_COLLECTED = "fees_collected"
    COMPENSATION_GRANTED = "compensation_granted"
    COMPENSATED = "compensated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A signed amount on one ledger account. `job_id` where it is about another job than its transaction."""

    account: str
    amount_micro: int
    job_id: JobId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One event as a transaction: its legs add up to 0. `original` is the address of the event that it puts right."""

    kind: Kind
    legs: tuple[Leg, ...]
    at_ms: int
    job_id: JobId | None = None
    island_id: IslandId | None = None
    reference: str | None = None
    original: str | None = None
    price_rules_version: int | None = None


def free(account_id: AccountId) -> str:
    return f"free:{account_id}"


def held(account_id: AccountId) -> str:
    return f"held:{account_id}"


def escrow(account_id: AccountId) -> str:
    return f"escrow:{account_id}"


def legs(amounts_micro: Mapping[str, int]) -> tuple[Leg, ...]:
    """Legs of zero are left out."""
    return tuple(
        Leg(account=account, amount_micro=amount) for account, amount in amounts_micro.items() if amount
    )


def transfer(source: str, target: str, amount_micro: int) -> tuple[Leg, ...]:
    return legs({source: -amount_micro, target: amount_micro})


def posting_of(event: MoneyEvent) -> Posting | None:
    """The transaction that an event is; None where it moves no credits."""
    match event:
        case FeesCollected() | CompensationGranted() | RefundCovered() | RefundOwed():
            return posting_of_treasury(event)
        case CreditsCorrected() | EarningTakenBack() | ChargeRefunded() | CompensationPaid():
            return repair(event)
        case AccountOpened() | AccountRenamed() | BidSaved() | BalanceRanLow() | BalanceRecovered():
            return None
        case CreditsGranted():
            return Posting(
                kind=Kind.GRANTED,
                legs=transfer(MINT, free(event.account_id), event.amount_micro),
                at_ms=event.granted_at_ms,
                reference=event.grant_id,
            )
        case CreditsHeld() | HoldSplit() | HoldSettled() | HoldReleased():
            return posting_of_hold(event)
        case CreditsEarned():
            return earning(event)
        case EscrowReleased():
            own = event.account_id
            return Posting(
                kind=Kind.ESCROW_RELEASED,
                legs=transfer(escrow(own), free(own), event.amount_micro),
                at_ms=event.released_at_ms,
                island_id=event.island_id,
            )
        case _:
            assert_never(event)


def posting_of_hold(event: CreditsHeld | HoldSplit | HoldSettled | HoldReleased) -> Posting:
    own = event.account_id
    match event:
        case CreditsHeld():
            moved = transfer(free(own), held(own), event.amount_micro)
            return Posting(kind=Kind.HELD, legs=moved, at_ms=event.held_at_ms, job_id=event.job_id)
        case HoldSplit():
            return split(event)
        case HoldSettled():
            return settlement(event)
        case HoldReleased():
            moved = transfer(held(own), free(own), event.released_micro)
            return Posting(kind=Kind.RELEASED, legs=moved, at_ms=event.released_at_ms, job_id=event.job_id)
        case _:
            assert_never(event)


def split(event: HoldSplit) -> Posting:
    """Both legs are on one account: what is held for each job can be added up from its own entries."""
    purse = held(event.account_id)
    return Posting(
        kind=Kind.SPLIT,
        legs=(
            Leg(account=purse, amount_micro=event.amount_micro),
            Leg(account=purse, amount_micro=-event.amount_micro, job_id=event.job_id),
        ),
        at_ms=event.split_at_ms,
        job_id=event.into_job_id,
    )


def settlement(event: HoldSettled) -> Posting:
    return Posting(
        kind=Kind.SETTLED,
        legs=legs(
            {
                held(event.account_id): -(event.charged_micro + event.released_micro),
                free(event.account_id): event.released_micro,
                FEES: event.platform_fee_micro,
                CLEARING: event.publisher_micro + event.island_micro,
            }
        ),
        at_ms=event.settled_at_ms,
        job_id=event.job_id,
        island_id=event.island_id,
        price_rules_version=event.price_rules_version,
    )


def earning(event: CreditsEarned) -> Posting:
    target = escrow(event.account_id) if event.escrowed else free(event.account_id)
    return Posting(
        kind=Kind.PUBLISHER_EARNED if event.island_id is None else Kind.ISLAND_EARNED,
        legs=transfer(CLEARING, target, event.amount_micro),
        at_ms=event.earned_at_ms,
        job_id=event.job_id,
        island_id=event.island_id,
    )


def repair(event: CreditsCorrected | EarningTakenBack | ChargeRefunded | CompensationPaid) -> Posting | None:
    own = event.account_id
    match event:
        case CreditsCorrected():
            return Posting(
                kind=Kind.CORRECTED,
                legs=transfer(MINT, free(own), event.amount_micro),
                at_ms=event.corrected_at_ms,
                reference=event.correction_id,
                original=event.original,
            )
        case EarningTakenBack():
            return taking_back(event)
        case ChargeRefunded():
            return Posting(
                kind=Kind.REFUNDED,
                legs=transfer(CLEARING, free(own), event.amount_micro),
                at_ms=event.refunded_at_ms,
                job_id=event.job_id,
                reference=event.refund_id,
                original=event.original,
            )
        case CompensationPaid():
            return Posting(
                kind=Kind.COMPENSATED,
                legs=transfer(CLEARING, free(own), event.amount_micro),
                at_ms=event.paid_at_ms,
                job_id=event.job_id,
            )
        case _:
            assert_never(event)


def taking_back(event: EarningTakenBack) -> Posting | None:
    own, taken = event.account_id, event.from_escrow_micro + event.from_free_micro
    amounts = {escrow(own): -event.from_escrow_micro, free(own): -event.from_free_micro, CLEARING: taken}
    if not taken:
        return None
    return Posting(
        kind=Kind.TAKEN_BACK,
        legs=legs(amounts),
        at_ms=event.taken_at_ms,
        job_id=event.job_id,
        island_id=event.island_id,
        reference=event.part,
        original=event.original,
    )


def posting_of_treasury(event: TreasuryEvent) -> Posting | None:
    match event:
        case FeesCollected():
            return Posting(
                kind=Kind.FEES_COLLECTED,
                legs=transfer(FEES, TREASURY, event.amount_micro),
                at_ms=event.collected_at_ms,
                reference=f"{event.after_position}-{event.through_position}",
            )
        case CompensationGranted():
            return Posting(
                kind=Kind.COMPENSATION_GRANTED,
                legs=transfer(TREASURY, CLEARING, event.amount_micro),
                at_ms=event.granted_at_ms,
                job_id=event.job_id,
            )
        case RefundCovered():
            return Posting(
                kind=Kind.REFUND_COVERED,
                legs=transfer(TREASURY, CLEARING, event.amount_micro),
                at_ms=event.covered_at_ms,
                job_id=event.job_id,
                reference=event.part,
                original=event.original,
            )
        case RefundOwed():
            return None
        case _:
            assert_never(event)
