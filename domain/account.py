"""An account: free credits, holds, escrow. Money leaves only by hold -> settle | release.

A charge is cut from its own hold, so a settlement cannot overdraw whatever else the account does in between. Every
event here is one balanced transaction of the ledger. All amounts are whole micro-credits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from domain.account_commands import (
    AccountCommand,
    EarnCredits,
    GrantCredits,
    HoldCredits,
    OpenAccount,
    ReleaseEscrow,
    ReleaseHold,
    SettleHold,
    SplitHold,
)
from domain.account_events import (
    AccountEvent,
    AccountOpened,
    CreditsEarned,
    CreditsGranted,
    CreditsHeld,
    EscrowReleased,
    HoldReleased,
    HoldSettled,
    HoldSplit,
)
from domain.decider import Decider
from domain.ids import IslandId, JobId
from domain.pricing import AMOUNT_MICRO_MAX, PRICE_RULES_VERSION
from domain.pricing import share as share_out
from domain.rejection import Rejected, Rejection
from domain.seen_ids import SeenIds

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


def decide(account: Account, command: AccountCommand) -> list[AccountEvent]:
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
        case _:
            assert_never(command)


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
        )
    ]


def split(account: Account, command: SplitHold) -> list[AccountEvent]:
    known = command.into_job_id in account.holds_micro or command.into_job_id in account.closed_holds
    if known:
        return []
    held = open_hold(account, command.job_id)
    if not 0 < command.amount_micro < held:
        raise Rejected(Rejection.SPLIT_OUTSIDE_HOLD, f"amount_micro: {command.amount_micro} of {held} held")
    if len(account.holds_micro) >= OPEN_JOBS_MAX:
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


def evolve(account: Account, event: AccountEvent) -> Account:
    match event:
        case AccountOpened():
            return replace(account, is_open=True)
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
            kept = account.holds_micro.get(event.job_id, 0) - event.amount_micro
            parts = {event.job_id: kept, event.into_job_id: event.amount_micro}
            return replace(account, holds_micro={**account.holds_micro, **parts})
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
        case _:
            assert_never(event)


def evolve_earning(account: Account, event: CreditsEarned) -> Account:
    earned = account.earned.with_id(earning_id(event.job_id, event.island_id))
    if not event.escrowed or event.island_id is None:
        return replace(account, free_micro=account.free_micro + event.amount_micro, earned=earned)
    waiting = account.escrow_micro.get(event.island_id, 0) + event.amount_micro
    return replace(account, escrow_micro={**account.escrow_micro, event.island_id: waiting}, earned=earned)


ACCOUNT: Decider[AccountCommand, Account, AccountEvent] = Decider("account", Account(), decide, evolve)
