"""The treasury: the fees that the network has collected, and what it pays back out of them. There is one.

Whatever leaves it is decided here, one decision after the other, so that nothing is paid that was not earned before:
it never lends and never goes below zero. Refunds come first; what cannot be covered yet is owed and paid by the next
fees, oldest first. Compensation is only paid while nothing is owed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from domain.compensation import COMPENSATION_RULES_VERSION, DAY_MS, Cause, left_today_micro
from domain.decider import Decider
from domain.ids import AccountId, JobId
from domain.refund import ChargePart, part_id
from domain.rejection import Rejected, Rejection
from domain.seen_ids import SeenIds
from domain.treasury_events import (
    CompensationGranted,
    FeesCollected,
    RefundCovered,
    RefundOwed,
    TreasuryEvent,
)

TREASURY_ID: Final = "fees"
OWED_PAID_AT_ONCE_MAX: Final = 200  # Refunds in one commit; the next collection pays the next ones.


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectFees:
    """The sum of the fees between two positions of the log; `after_position` is where the last collection ended."""

    after_position: int
    through_position: int
    amount_micro: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantCompensation:
    job_id: JobId
    account_id: AccountId
    cause: Cause
    amount_micro: int
    evidence: tuple[str, ...]
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverRefund:
    job_id: JobId
    part: ChargePart
    account_id: AccountId
    original: str
    amount_micro: int
    now_ms: int


TreasuryCommand = CollectFees | GrantCompensation | CoverRefund


@dataclass(frozen=True, slots=True, kw_only=True)
class Treasury:
    """`granted_today_micro` is what each account was granted on `day`, the number of a day since 1970."""

    collected_through: int = 0
    balance_micro: int = 0
    owed: tuple[RefundOwed, ...] = ()
    refunds: SeenIds = SeenIds()
    compensated: SeenIds = SeenIds()
    day: int = 0
    granted_today_micro: Mapping[AccountId, int] = field(default_factory=dict)


def decide(treasury: Treasury, command: TreasuryCommand) -> list[TreasuryEvent]:
    match command:
        case CollectFees():
            return collect(treasury, command)
        case GrantCompensation():
            return grant(treasury, command)
        case CoverRefund():
            return cover(treasury, command)
        case _:
            assert_never(command)


def collect(treasury: Treasury, command: CollectFees) -> list[TreasuryEvent]:
    """Nothing where others have collected since: each fee is collected once."""
    if command.after_position != treasury.collected_through or command.amount_micro <= 0:
        return []
    assert command.through_position > command.after_position
    collected = FeesCollected(
        after_position=command.after_position,
        through_position=command.through_position,
        amount_micro=command.amount_micro,
        collected_at_ms=command.now_ms,
    )
    return [collected, *pay_owed(treasury, treasury.balance_micro + command.amount_micro, command.now_ms)]


def pay_owed(treasury: Treasury, balance_micro: int, now_ms: int) -> list[RefundCovered]:
    """The oldest first, and none before an older one."""
    paid: list[RefundCovered] = []
    for owed in treasury.owed[:OWED_PAID_AT_ONCE_MAX]:
        balance_micro -= owed.amount_micro
        if balance_micro < 0:
            break
        paid.append(covered(owed, now_ms))
    return paid


def grant(treasury: Treasury, command: GrantCompensation) -> list[TreasuryEvent]:
    assert command.amount_micro > 0
    if command.job_id in treasury.compensated:
        return []
    is_today = command.now_ms // DAY_MS == treasury.day
    had_micro = treasury.granted_today_micro.get(command.account_id, 0) if is_today else 0
    amount_micro = min(command.amount_micro, left_today_micro(had_micro))
    if not amount_micro:
        raise Rejected(Rejection.COMPENSATION_CAPPED, f"account {command.account_id} had {had_micro} today")
    if treasury.owed or amount_micro > treasury.balance_micro:
        raise Rejected(
            Rejection.TREASURY_SHORT, f"{treasury.balance_micro} micro-credits are in the treasury"
        )
    return [
        CompensationGranted(
            job_id=command.job_id,
            account_id=command.account_id,
            cause=command.cause,
            amount_micro=amount_micro,
            compensation_rules_version=COMPENSATION_RULES_VERSION,
            evidence=command.evidence,
            granted_at_ms=command.now_ms,
        )
    ]


def cover(treasury: Treasury, command: CoverRefund) -> list[TreasuryEvent]:
    assert command.amount_micro > 0
    if part_id(command.job_id, command.part) in treasury.refunds:
        return []
    owed = RefundOwed(
        job_id=command.job_id,
        part=command.part,
        account_id=command.account_id,
        original=command.original,
        amount_micro=command.amount_micro,
        owed_at_ms=command.now_ms,
    )
    if treasury.owed or command.amount_micro > treasury.balance_micro:
        return [owed]
    return [covered(owed, command.now_ms)]


def covered(owed: RefundOwed, now_ms: int) -> RefundCovered:
    return RefundCovered(
        job_id=owed.job_id,
        part=owed.part,
        account_id=owed.account_id,
        original=owed.original,
        amount_micro=owed.amount_micro,
        covered_at_ms=now_ms,
    )


def evolve(treasury: Treasury, event: TreasuryEvent) -> Treasury:
    match event:
        case FeesCollected():
            return replace(
                treasury,
                balance_micro=treasury.balance_micro + event.amount_micro,
                collected_through=event.through_position,
            )
        case CompensationGranted():
            return evolve_grant(treasury, event)
        case RefundCovered():
            paid = part_id(event.job_id, event.part)
            return replace(
                treasury,
                balance_micro=treasury.balance_micro - event.amount_micro,
                owed=tuple(owed for owed in treasury.owed if part_id(owed.job_id, owed.part) != paid),
                refunds=treasury.refunds.with_id(paid),
            )
        case RefundOwed():
            refunds = treasury.refunds.with_id(part_id(event.job_id, event.part))
            return replace(treasury, owed=(*treasury.owed, event), refunds=refunds)
        case _:
            assert_never(event)


def evolve_grant(treasury: Treasury, event: CompensationGranted) -> Treasury:
    day = event.granted_at_ms // DAY_MS
    granted = treasury.granted_today_micro if day == treasury.day else {}
    total_micro = granted.get(event.account_id, 0) + event.amount_micro
    return replace(
        treasury,
        balance_micro=treasury.balance_micro - event.amount_micro,
        compensated=treasury.compensated.with_id(event.job_id),
        day=day,
        granted_today_micro={**granted, event.account_id: total_micro},
    )


TREASURY: Decider[TreasuryCommand, Treasury, TreasuryEvent] = Decider("treasury", Treasury(), decide, evolve)
