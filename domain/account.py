"""An account: free credits, holds, escrow. Money leaves by hold -> settle | release, or to put a mistake right.

A charge is cut from its own hold, so a settlement cannot overdraw whatever else the account does in between. Every
event that moves credits is one balanced transaction of the ledger. All amounts are whole micro-credits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Final, assert_never

from domain.account_commands import (
    AccountCommand,
    CorrectCredits,
    EarnCredits,
    GrantCredits,
    HoldCredits,
    OpenAccount,
    ReceiveCompensation,
    ReceiveRefund,
    ReleaseEscrow,
    ReleaseHold,
    RenameAccount,
    SaveBid,
    SettleHold,
    SplitHold,
    TakeBackEarning,
)
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
from domain.decider import Decider
from domain.ids import CargoSlug, IslandId, JobId
from domain.pricing import AMOUNT_MICRO_MAX, LOW_BALANCE_MICRO, PRICE_RULES_VERSION
from domain.pricing import share as share_out
from domain.refund import part_id
from domain.rejection import Rejected, Rejection
from domain.seen_ids import SeenIds

SAVED_BIDS_MAX: Final = 1_000  # Cargos that one account keeps a bid for.
OPEN_JOBS_MAX: Final = 2_000  # Holds open at once; a further one is rejected until some job has ended.


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    is_open: bool = False
    free_micro: int = 0
    holds_micro: Mapping[JobId, int] = field(default_factory=dict)
    escrow_micro: Mapping[IslandId, int] = field(default_factory=dict)
    paid_out_islands: frozenset[IslandId] = frozenset()
    closed_holds: SeenIds = SeenIds()
    grants: Mapping[str, int] = field(default_factory=dict)
    earned: SeenIds = SeenIds()
    corrections: Mapping[str, int] = field(default_factory=dict)
    taken_back: SeenIds = SeenIds()
    refunds: SeenIds = SeenIds()
    compensated: SeenIds = SeenIds()
    is_low: bool = False
    saved_bids: Mapping[CargoSlug, int] = field(default_factory=dict)


def decide(account: Account, command: AccountCommand) -> list[AccountEvent]:
    """What the command comes to, and whether the balance crossed the limit by it."""
    events = decide_movement(account, command)
    return [*events, *balance_warnings(account, events, command)] if events else []


def decide_movement(account: Account, command: AccountCommand) -> list[AccountEvent]:
    if isinstance(command, OpenAccount):
        return open_account(account, command)
    if not account.is_open:
        raise Rejected(Rejection.ACCOUNT_UNKNOWN, f"account {command.account_id} has not been opened")
    match command:
        case GrantCredits():
            return grant(account, command)
        case HoldCredits():
            return hold(account, command)
        case SplitHold():
            return split(account, command)
        case SettleHold():
            return settle(account, command)
        case ReleaseHold():
            return release(account, command)
        case EarnCredits():
            return earn(account, command)
        case ReleaseEscrow():
            return release_escrow(account, command)
        case CorrectCredits():
            return correct(account, command)
        case TakeBackEarning():
            return take_back(account, command)
        case ReceiveRefund():
            return receive_refund(account, command)
        case ReceiveCompensation():
            return receive_compensation(account, command)
        case SaveBid():
            return save_bid(account, command)
        case RenameAccount():
            return rename(command)
        case _:
            assert_never(command)


def balance_warnings(
    account: Account, events: list[AccountEvent], command: AccountCommand
) -> list[AccountEvent]:
    """One event for each crossing of the limit; an account that never had so much has nothing to run low of."""
    after_micro = reduce(evolve, events, account).free_micro
    if account.is_low and after_micro >= LOW_BALANCE_MICRO:
        return [
            BalanceRecovered(
                account_id=command.account_id, free_micro=after_micro, recovered_at_ms=command.now_ms
            )
        ]
    if account.free_micro >= LOW_BALANCE_MICRO > after_micro and not account.is_low:
        return [
            BalanceRanLow(
                account_id=command.account_id,
                free_micro=after_micro,
                limit_micro=LOW_BALANCE_MICRO,
                ran_low_at_ms=command.now_ms,
            )
        ]
    return []


def open_account(account: Account, command: OpenAccount) -> list[AccountEvent]:
    if account.is_open:
        return []
    return [AccountOpened(account_id=command.account_id, name=command.name, opened_at_ms=command.now_ms)]


def grant(account: Account, command: GrantCredits) -> list[AccountEvent]:
    assert 0 < command.amount_micro <= AMOUNT_MICRO_MAX
    if command.grant_id in account.grants:
        if account.grants[command.grant_id] != command.amount_micro:
            raise Rejected(Rejection.GRANT_REUSED, f"grant_id {command.grant_id} was used for another amount")
        return []
    return [
        CreditsGranted(
            account_id=command.account_id,
            grant_id=command.grant_id,
            amount_micro=command.amount_micro,
            reason=command.reason,
            granted_at_ms=command.now_ms,
        )
    ]


def hold(account: Account, command: HoldCredits) -> list[AccountEvent]:
    assert 0 < command.amount_micro <= AMOUNT_MICRO_MAX
    if command.job_id in account.closed_holds:
        return []
    if command.job_id in account.holds_micro:
        if account.holds_micro[command.job_id] != command.amount_micro:
            raise Rejected(Rejection.IDEMPOTENCY_MISMATCH, "Idempotency-Key: used for another request")
        return []
    if command.amount_micro > account.free_micro:
        raise Rejected(
            Rejection.CREDITS_SHORT,
            f"bid_price: needs {command.amount_micro} micro-credits, {account.free_micro} are free",
        )
    if len(account.holds_micro) >= OPEN_JOBS_MAX:
        raise Rejected(Rejection.OPEN_JOBS_EXCEEDED, f"at most {OPEN_JOBS_MAX} jobs may be open at once")
    return [
        CreditsHeld(
            account_id=command.account_id,
            job_id=command.job_id,
            amount_micro=command.amount_micro,
            held_at_ms=command.now_ms,
            is_batch=command.is_batch,
        )
    ]


def split(account: Account, command: SplitHold) -> list[AccountEvent]:
    known = command.into_job_id in account.holds_micro or command.into_job_id in account.closed_holds
    if known:
        return []
    held = open_hold(account, command.job_id)
    if not 0 < command.amount_micro <= held:
        raise Rejected(Rejection.SPLIT_OUTSIDE_HOLD, f"amount_micro: {command.amount_micro} of {held} held")
    is_part = command.amount_micro < held
    if is_part and len(account.holds_micro) >= OPEN_JOBS_MAX:
        raise Rejected(Rejection.OPEN_JOBS_EXCEEDED, f"at most {OPEN_JOBS_MAX} jobs may be open at once")
    return [
        HoldSplit(
            account_id=command.account_id,
            job_id=command.job_id,
            into_job_id=command.into_job_id,
            amount_micro=command.amount_micro,
            split_at_ms=command.now_ms,
        )
    ]


def settle(account: Account, command: SettleHold) -> list[AccountEvent]:
    if command.job_id in account.closed_holds:
        return []
    held = open_hold(account, command.job_id)
    if not 0 < command.charge_micro <= held:
        raise Rejected(Rejection.CHARGE_OUTSIDE_HOLD, f"charge_micro: {command.charge_micro} of {held} held")
    shares = share_out(command.charge_micro)
    return [
        HoldSettled(
            account_id=command.account_id,
            job_id=command.job_id,
            charged_micro=command.charge_micro,
            released_micro=held - command.charge_micro,
            platform_fee_micro=shares.platform_fee_micro,
            publisher_micro=shares.publisher_micro,
            island_micro=shares.island_micro,
            island_id=command.island_id,
            owner_id=command.owner_id,
            publisher_id=command.publisher_id,
            price_rules_version=PRICE_RULES_VERSION,
            settled_at_ms=command.now_ms,
            price_unit=command.price_unit,
            units=command.units,
            unit_price_micro=command.unit_price_micro or command.charge_micro,
        )
    ]


def release(account: Account, command: ReleaseHold) -> list[AccountEvent]:
    if command.job_id in account.closed_holds:
        return []
    return [
        HoldReleased(
            account_id=command.account_id,
            job_id=command.job_id,
            released_micro=open_hold(account, command.job_id),
            released_at_ms=command.now_ms,
        )
    ]


def open_hold(account: Account, job_id: JobId) -> int:
    """The micro-credits held for a job."""
    if job_id not in account.holds_micro:
        raise Rejected(Rejection.HOLD_UNKNOWN, f"no credits were held for job {job_id}")
    return account.holds_micro[job_id]


def earn(account: Account, command: EarnCredits) -> list[AccountEvent]:
    assert all(0 < share.amount_micro <= AMOUNT_MICRO_MAX for share in command.shares)
    return [
        CreditsEarned(
            account_id=command.account_id,
            job_id=command.job_id,
            island_id=share.island_id,
            amount_micro=share.amount_micro,
            escrowed=share.island_id is not None and share.island_id not in account.paid_out_islands,
            earned_at_ms=command.now_ms,
        )
        for share in command.shares
        if earning_id(command.job_id, share.island_id) not in account.earned
    ]


def earning_id(job_id: JobId, island_id: IslandId | None) -> str:
    """A job pays its island once and its publisher once."""
    return f"{job_id}/{'island' if island_id else 'publisher'}"


def release_escrow(account: Account, command: ReleaseEscrow) -> list[AccountEvent]:
    if command.island_id in account.paid_out_islands:
        return []
    return [
        EscrowReleased(
            account_id=command.account_id,
            island_id=command.island_id,
            amount_micro=account.escrow_micro.get(command.island_id, 0),
            released_at_ms=command.now_ms,
        )
    ]


def correct(account: Account, command: CorrectCredits) -> list[AccountEvent]:
    assert 0 < abs(command.amount_micro) <= AMOUNT_MICRO_MAX
    if command.correction_id in account.corrections:
        if account.corrections[command.correction_id] != command.amount_micro:
            raise Rejected(Rejection.CORRECTION_REUSED, "Idempotency-Key: used for another correction")
        return []
    if account.free_micro + command.amount_micro < 0:
        raise Rejected(
            Rejection.CORRECTION_ABOVE_FREE,
            f"amount: takes back {-command.amount_micro} micro-credits, {account.free_micro} are free",
        )
    return [
        CreditsCorrected(
            account_id=command.account_id,
            correction_id=command.correction_id,
            original=command.original,
            amount_micro=command.amount_micro,
            reason=command.reason,
            corrected_at_ms=command.now_ms,
        )
    ]


def take_back(account: Account, command: TakeBackEarning) -> list[AccountEvent]:
    """The escrow of the island first, then what is free, and never more than there is."""
    assert command.amount_micro > 0
    if part_id(command.job_id, command.part) in account.taken_back:
        return []
    in_escrow = account.escrow_micro.get(command.island_id, 0) if command.island_id else 0
    from_escrow = min(command.amount_micro, in_escrow)
    from_free = min(command.amount_micro - from_escrow, account.free_micro)
    return [
        EarningTakenBack(
            account_id=command.account_id,
            job_id=command.job_id,
            part=command.part,
            island_id=command.island_id,
            original=command.original,
            payer_id=command.payer_id,
            from_escrow_micro=from_escrow,
            from_free_micro=from_free,
            missing_micro=command.amount_micro - from_escrow - from_free,
            taken_at_ms=command.now_ms,
        )
    ]


def receive_refund(account: Account, command: ReceiveRefund) -> list[AccountEvent]:
    assert command.amount_micro > 0
    if f"{command.job_id}/{command.refund_id}" in account.refunds:
        return []
    return [
        ChargeRefunded(
            account_id=command.account_id,
            job_id=command.job_id,
            refund_id=command.refund_id,
            original=command.original,
            amount_micro=command.amount_micro,
            refunded_at_ms=command.now_ms,
        )
    ]


def receive_compensation(account: Account, command: ReceiveCompensation) -> list[AccountEvent]:
    assert command.amount_micro > 0
    if command.job_id in account.compensated:
        return []
    return [
        CompensationPaid(
            account_id=command.account_id,
            job_id=command.job_id,
            amount_micro=command.amount_micro,
            reason=command.reason,
            compensation_rules_version=command.compensation_rules_version,
            evidence=command.evidence,
            paid_at_ms=command.now_ms,
        )
    ]


def save_bid(account: Account, command: SaveBid) -> list[AccountEvent]:
    assert command.bid_micro is None or 0 < command.bid_micro <= AMOUNT_MICRO_MAX
    if account.saved_bids.get(command.slug) == command.bid_micro:
        return []
    if command.slug not in account.saved_bids and len(account.saved_bids) >= SAVED_BIDS_MAX:
        raise Rejected(Rejection.SAVED_BIDS_EXCEEDED, f"at most {SAVED_BIDS_MAX} bids may be saved")
    return [
        BidSaved(
            account_id=command.account_id,
            slug=command.slug,
            bid_micro=command.bid_micro,
            saved_at_ms=command.now_ms,
        )
    ]


def rename(command: RenameAccount) -> list[AccountEvent]:
    """Never compared with the name so far: what a person wrote may not be readable any more."""
    return [AccountRenamed(account_id=command.account_id, name=command.name, renamed_at_ms=command.now_ms)]


def evolve(account: Account, event: AccountEvent) -> Account:
    match event:
        case AccountOpened():
            return replace(account, is_open=True)
        case AccountRenamed():
            return account
        case CreditsGranted():
            return replace(
                account,
                free_micro=account.free_micro + event.amount_micro,
                grants={**account.grants, event.grant_id: event.amount_micro},
            )
        case CreditsHeld():
            return replace(
                account,
                free_micro=account.free_micro - event.amount_micro,
                holds_micro={**account.holds_micro, event.job_id: event.amount_micro},
            )
        case HoldSplit():
            return evolve_split(account, event)
        case HoldSettled() | HoldReleased():
            return replace(
                account,
                free_micro=account.free_micro + event.released_micro,
                holds_micro={job: held for job, held in account.holds_micro.items() if job != event.job_id},
                closed_holds=account.closed_holds.with_id(event.job_id),
            )
        case CreditsEarned():
            return evolve_earning(account, event)
        case EscrowReleased():
            return replace(
                account,
                free_micro=account.free_micro + event.amount_micro,
                escrow_micro={i: e for i, e in account.escrow_micro.items() if i != event.island_id},
                paid_out_islands=account.paid_out_islands | {event.island_id},
            )
        case CreditsCorrected():
            corrections = {**account.corrections, event.correction_id: event.amount_micro}
            return replace(with_free(account, event.amount_micro), corrections=corrections)
        case EarningTakenBack():
            return evolve_taking_back(account, event)
        case ChargeRefunded():
            refunds = account.refunds.with_id(f"{event.job_id}/{event.refund_id}")
            return replace(with_free(account, event.amount_micro), refunds=refunds)
        case CompensationPaid():
            compensated = account.compensated.with_id(event.job_id)
            return replace(with_free(account, event.amount_micro), compensated=compensated)
        case BalanceRanLow():
            return replace(account, is_low=True)
        case BalanceRecovered():
            return replace(account, is_low=False)
        case BidSaved():
            saved = {slug: bid for slug, bid in account.saved_bids.items() if slug != event.slug}
            if event.bid_micro is not None:
                saved[event.slug] = event.bid_micro
            return replace(account, saved_bids=saved)
        case _:
            assert_never(event)


def with_free(account: Account, more_micro: int) -> Account:
    return replace(account, free_micro=account.free_micro + more_micro)


def evolve_taking_back(account: Account, event: EarningTakenBack) -> Account:
    taken_back = account.taken_back.with_id(part_id(event.job_id, event.part))
    escrow = dict(account.escrow_micro)
    if event.island_id is not None and event.from_escrow_micro:
        escrow[event.island_id] = escrow.get(event.island_id, 0) - event.from_escrow_micro
        if not escrow[event.island_id]:
            del escrow[event.island_id]
    return replace(with_free(account, -event.from_free_micro), escrow_micro=escrow, taken_back=taken_back)


def evolve_split(account: Account, event: HoldSplit) -> Account:
    """A hold of which nothing is left is closed."""
    kept = account.holds_micro.get(event.job_id, 0) - event.amount_micro
    holds = {**account.holds_micro, event.job_id: kept, event.into_job_id: event.amount_micro}
    if kept:
        return replace(account, holds_micro=holds)
    del holds[event.job_id]
    return replace(account, holds_micro=holds, closed_holds=account.closed_holds.with_id(event.job_id))


def evolve_earning(account: Account, event: CreditsEarned) -> Account:
    earned = account.earned.with_id(earning_id(event.job_id, event.island_id))
    if not event.escrowed or event.island_id is None:
        return replace(account, free_micro=account.free_micro + event.amount_micro, earned=earned)
    waiting = account.escrow_micro.get(event.island_id, 0) + event.amount_micro
    return replace(account, escrow_micro={**account.escrow_micro, event.island_id: waiting}, earned=earned)


ACCOUNT: Decider[AccountCommand, Account, AccountEvent] = Decider("account", Account(), decide, evolve)
