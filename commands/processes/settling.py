"""Settling: money follows a job that ended, once. One hold per job, under the job's own id.

A result that is compared with another's is paid once there is a verdict; one that was contradicted costs nothing.
Submission holds the credits first and appends the job second, so a job seen here always has its hold. The settled hold
names who earned what; earning is a second step on the earners' accounts, and the ledger's clearing account is empty
again when it is done.
"""

from collections.abc import Sequence
from typing import Any

from commands.process import Order, Process, Reaction
from commands.replicas import RefundResult
from domain.account import ACCOUNT
from domain.account_commands import EarnCredits, EarnedShare, ReleaseEscrow, ReleaseHold, SettleHold
from domain.account_events import HoldSettled
from domain.check_draw import CheckReason
from domain.check_events import KnownAnswerJudged, LateAnswerTaken, VerdictReached
from domain.ids import AccountId, JobId
from domain.island_events import PayoutsUnlocked
from domain.job_events import JobAbandoned, JobCancelled, JobFailed, JobSucceeded


def react(event: Any, at_ms: int) -> Sequence[Reaction]:
    match event:
        case JobSucceeded() if event.check_id is None:
            return [pay(event, at_ms)]
        case VerdictReached():
            return after_verdict(event, at_ms)
        case LateAnswerTaken():
            return [pay(event.run, at_ms)]
        case KnownAnswerJudged():
            run = event.run
            return [pay(run, at_ms) if event.is_right else release(run.account_id, run.job_id, at_ms)]
        case JobCancelled() if event.charge_micro:
            return [settle(event, event.charge_micro, event.unit_price_micro, at_ms)]
        case JobCancelled() | JobFailed() | JobAbandoned():
            return [release(event.account_id, event.job_id, at_ms)]
        case HoldSettled():
            return earnings(event, at_ms)
        case PayoutsUnlocked():
            unlocked = ReleaseEscrow(account_id=event.owner_id, island_id=event.island_id, now_ms=at_ms)
            return [Order(decider=ACCOUNT, aggregate_id=event.owner_id, command=unlocked)]
        case _:
            return []


def after_verdict(event: VerdictReached, at_ms: int) -> list[Reaction]:
    """A result of the past that is looked at again was paid already: then its charge goes back."""
    reactions: list[Reaction] = [pay(run, at_ms) for run in (*event.agreeing, *event.undecided)]
    for run in event.contradicted:
        reactions.append(release(run.account_id, run.job_id, at_ms))
        if event.reason is CheckReason.RECHECK and run.job_id == event.job_id:
            refund = RefundResult(job_id=run.job_id, account_id=run.account_id, now_ms=at_ms)
            reactions.append(refund)
    return reactions


def pay(run: JobSucceeded, at_ms: int) -> Order:
    return settle(run, run.charge_micro or run.price_micro, run.price_micro, at_ms)


def settle(event: JobSucceeded | JobCancelled, charge_micro: int, unit_price_micro: int, at_ms: int) -> Order:
    assert event.island_id is not None
    assert event.owner_id is not None
    command = SettleHold(
        account_id=event.account_id,
        job_id=event.job_id,
        charge_micro=charge_micro,
        price_unit=event.price_unit,
        units=event.units,
        unit_price_micro=unit_price_micro,
        island_id=event.island_id,
        owner_id=event.owner_id,
        publisher_id=event.publisher_id,
        now_ms=at_ms,
    )
    return Order(decider=ACCOUNT, aggregate_id=event.account_id, command=command)


def release(account_id: AccountId, job_id: JobId, at_ms: int) -> Order:
    command = ReleaseHold(account_id=account_id, job_id=job_id, now_ms=at_ms)
    return Order(decider=ACCOUNT, aggregate_id=account_id, command=command)


def earnings(event: HoldSettled, at_ms: int) -> list[Order]:
    """One order per account that earned something; shares of nothing are left out."""
    shares: dict[AccountId, list[EarnedShare]] = {}
    for account_id, island_id, amount_micro in (
        (event.owner_id, event.island_id, event.island_micro),
        (event.publisher_id, None, event.publisher_micro),
    ):
        if amount_micro:
            earned = EarnedShare(island_id=island_id, amount_micro=amount_micro)
            shares.setdefault(account_id, []).append(earned)
    return [
        Order(
            decider=ACCOUNT,
            aggregate_id=account_id,
            command=EarnCredits(
                account_id=account_id, job_id=event.job_id, shares=tuple(of_account), now_ms=at_ms
            ),
        )
        for account_id, of_account in shares.items()
    ]


SETTLING = Process(name="settling", react=react)
