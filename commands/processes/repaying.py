"""Repaying: credits on their way back, from who gives them to who gets them. What left one account arrives at another.

A refund is asked for once, and from there on every step follows from the event before it: the parts of the charge are
taken back as far as they are still there, the treasury covers the rest, and each amount arrives under its own name. A
crash in between repeats steps that decide nothing.
"""

from collections.abc import Sequence
from typing import Any

from commands.process import Order, Process
from domain.account import ACCOUNT
from domain.account_commands import ReceiveCompensation, ReceiveRefund, TakeBackEarning
from domain.account_events import EarningTakenBack
from domain.ids import AccountId
from domain.refund import ChargePart, RefundRequested
from domain.treasury import TREASURY, TREASURY_ID, CoverRefund
from domain.treasury_events import CompensationGranted, RefundCovered


def react(event: Any, at_ms: int) -> Sequence[Order]:
    match event:
        case RefundRequested():
            return refund(event, at_ms)
        case EarningTakenBack():
            return pass_on(event, at_ms)
        case RefundCovered():
            return [arrive(event, f"{event.part}.treasury", event.account_id, event.amount_micro, at_ms)]
        case CompensationGranted():
            return [compensate(event, at_ms)]
        case _:
            return []


def refund(event: RefundRequested, at_ms: int) -> list[Order]:
    """Parts of nothing are left out, as they were in the charge."""
    earned = (
        (ChargePart.ISLAND, event.owner_id, event.island_id, event.island_micro),
        (ChargePart.PUBLISHER, event.publisher_id, None, event.publisher_micro),
    )
    orders: list[Order] = []
    for part, account_id, island_id, amount_micro in earned:
        if amount_micro:
            command = TakeBackEarning(
                account_id=account_id,
                job_id=event.job_id,
                part=part,
                island_id=island_id,
                original=event.original,
                payer_id=event.account_id,
                amount_micro=amount_micro,
                now_ms=at_ms,
            )
            orders.append(Order(decider=ACCOUNT, aggregate_id=account_id, command=command))
    if event.platform_fee_micro:
        orders.append(cover(event, ChargePart.PLATFORM, event.account_id, event.platform_fee_micro, at_ms))
    return orders


def pass_on(event: EarningTakenBack, at_ms: int) -> list[Order]:
    taken_micro = event.from_escrow_micro + event.from_free_micro
    orders: list[Order] = []
    if taken_micro:
        orders.append(arrive(event, event.part, event.payer_id, taken_micro, at_ms))
    if event.missing_micro:
        orders.append(cover(event, event.part, event.payer_id, event.missing_micro, at_ms))
    return orders


def cover(
    event: RefundRequested | EarningTakenBack,
    part: ChargePart,
    payer_id: AccountId,
    amount_micro: int,
    at_ms: int,
) -> Order:
    command = CoverRefund(
        job_id=event.job_id,
        part=part,
        account_id=payer_id,
        original=event.original,
        amount_micro=amount_micro,
        now_ms=at_ms,
    )
    return Order(decider=TREASURY, aggregate_id=TREASURY_ID, command=command)


def arrive(
    event: EarningTakenBack | RefundCovered,
    refund_id: str,
    account_id: AccountId,
    amount_micro: int,
    at_ms: int,
) -> Order:
    command = ReceiveRefund(
        account_id=account_id,
        job_id=event.job_id,
        refund_id=refund_id,
        original=event.original,
        amount_micro=amount_micro,
        now_ms=at_ms,
    )
    return Order(decider=ACCOUNT, aggregate_id=account_id, command=command)


def compensate(event: CompensationGranted, at_ms: int) -> Order:
    command = ReceiveCompensation(
        account_id=event.account_id,
        job_id=event.job_id,
        amount_micro=event.amount_micro,
        reason=event.cause,
        compensation_rules_version=event.compensation_rules_version,
        evidence=event.evidence,
        now_ms=at_ms,
    )
    return Order(decider=ACCOUNT, aggregate_id=event.account_id, command=command)


REPAYING = Process(name="repaying", react=react)
