"""What each event moves between the places where credits can be: a second statement of double entry, beside the one in
`projections.postings`, so that a report and the ledger can be held against each other.
"""

from dataclasses import dataclass
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
from domain.treasury_events import (
    CompensationGranted,
    FeesCollected,
    RefundCovered,
    RefundOwed,
    TreasuryEvent,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """Micro-credits by place: an account's own three, and the network's four. What an event moves adds up to 0."""

    free: int = 0
    held: int = 0
    escrow: int = 0
    fees: int = 0
    treasury: int = 0
    clearing: int = 0
    mint: int = 0

    def __add__(self, other: "Purse") -> "Purse":
        return Purse(
            free=self.free + other.free,
            held=self.held + other.held,
            escrow=self.escrow + other.escrow,
            fees=self.fees + other.fees,
            treasury=self.treasury + other.treasury,
            clearing=self.clearing + other.clearing,
            mint=self.mint + other.mint,
        )

    @property
    def own_micro(self) -> int:
        """What is the account's, wherever it lies."""
        return self.free + self.held + self.escrow


NOTHING: Final = Purse()


def moved(event: AccountEvent | TreasuryEvent) -> Purse:
    match event:
        case CreditsGranted() | CreditsCorrected():
            return Purse(free=event.amount_micro, mint=-event.amount_micro)
        case CreditsHeld():
            return Purse(free=-event.amount_micro, held=event.amount_micro)
        case HoldReleased():
            return Purse(free=event.released_micro, held=-event.released_micro)
        case HoldSettled():
            return Purse(
                free=event.released_micro,
                held=-(event.charged_micro + event.released_micro),
                fees=event.platform_fee_micro,
                clearing=event.publisher_micro + event.island_micro,
            )
        case CreditsEarned(escrowed=True):
            return Purse(escrow=event.amount_micro, clearing=-event.amount_micro)
        case CreditsEarned() | ChargeRefunded() | CompensationPaid():
            return Purse(free=event.amount_micro, clearing=-event.amount_micro)
        case EscrowReleased():
            return Purse(free=event.amount_micro, escrow=-event.amount_micro)
        case EarningTakenBack():
            taken = event.from_escrow_micro + event.from_free_micro
            return Purse(escrow=-event.from_escrow_micro, free=-event.from_free_micro, clearing=taken)
        case FeesCollected():
            return Purse(fees=-event.amount_micro, treasury=event.amount_micro)
        case CompensationGranted() | RefundCovered():
            return Purse(treasury=-event.amount_micro, clearing=event.amount_micro)
        case AccountOpened() | AccountRenamed() | BidSaved() | HoldSplit() | RefundOwed():
            return NOTHING
        case BalanceRanLow() | BalanceRecovered():
            return NOTHING
        case _:
            assert_never(event)
