"""Money follows a job that ended: pure sentences, and the whole way over a log."""

from dataclasses import replace
from typing import Any

import pytest

from commands.handle import CommandHandler
from commands.process import Order, ReactionCarrier, advance
from commands.processes.settling import SETTLING, react
from commands.replicas import RefundResult
from domain.account import ACCOUNT, Account
from domain.account_commands import EarnCredits, EarnedShare, ReleaseEscrow, ReleaseHold, SettleHold
from domain.account_events import AccountEvent, HoldSettled
from domain.check_draw import CheckReason
from domain.check_events import KnownAnswerJudged, LateAnswerTaken, Outcome
from domain.failure import Failure
from domain.ids import AccountId
from domain.island_events import PayoutsUnlocked
from domain.job_events import JobAbandoned
from domain.pricing import MICRO_PER_CREDIT
from tests.check_examples import REPLICA_ID, SECOND_REPLICA_ID, WRONG, run, second, third, verdict
from tests.commands.mailboxes import Prints, RecordingMailbox
from tests.examples import (
    BID_MICRO,
    CUSTOMER,
    ISLAND,
    JOB_ID,
    OWNER,
    PRICE_MICRO,
    PUBLISHER,
    T0_MS,
    assigned,
    at_ms,
    attempt_failed,
    cancelled,
    failed,
    granted,
    held,
    opened,
    origin,
    settled,
    submitted,
    succeeded,
)
from tests.memory_log import MemoryEventLog

NOW_MS = at_ms(6)


def on_account(account_id: AccountId, command: Any) -> Order:
    return Order(decider=ACCOUNT, aggregate_id=account_id, command=command)


def settle(charge_micro: int) -> Order:
    command = SettleHold(
        account_id=CUSTOMER,
        job_id=JOB_ID,
        charge_micro=charge_micro,
        unit_price_micro=charge_micro,
        island_id=ISLAND,
        owner_id=OWNER,
        publisher_id=PUBLISHER,
        now_ms=NOW_MS,
    )
    return on_account(CUSTOMER, command)


def earn(account_id: AccountId, amount_micro: int, *, by_island: bool) -> Order:
    share = EarnedShare(island_id=ISLAND if by_island else None, amount_micro=amount_micro)
    command = EarnCredits(account_id=account_id, job_id=JOB_ID, shares=(share,), now_ms=NOW_MS)
    return on_account(account_id, command)


def test_a_success_settles_the_price() -> None:
    assert react(succeeded(), NOW_MS) == [settle(PRICE_MICRO)]


def test_a_cancellation_after_output_settles_the_charge() -> None:
    event = cancelled(attempt=1, island_id=ISLAND, owner_id=OWNER, charge_micro=3, unit_price_micro=3)
    assert react(event, NOW_MS) == [settle(3)]


@pytest.mark.parametrize(
    "event",
    [
        cancelled(),
        failed("crashed"),
        JobAbandoned(job_id=JOB_ID, account_id=CUSTOMER, abandoned_at_ms=T0_MS),
    ],
    ids=["cancelled", "failed", "abandoned"],
)
def test_a_job_that_ended_without_a_charge_frees_its_hold(event: Any) -> None:
    release = ReleaseHold(account_id=CUSTOMER, job_id=JOB_ID, now_ms=NOW_MS)
    assert react(event, NOW_MS) == [on_account(CUSTOMER, release)]


def test_a_settled_hold_is_earned_by_the_island_and_the_publisher() -> None:
    assert react(settled(), NOW_MS) == [
        earn(OWNER, 3_400_000, by_island=True),
        earn(PUBLISHER, 200_000, by_island=False),
    ]


def test_a_share_of_nothing_is_not_earned() -> None:
    small = settled(charged_micro=9, platform_fee_micro=0, publisher_micro=0, island_micro=9)
    assert react(small, NOW_MS) == [earn(OWNER, 9, by_island=True)]


def test_payouts_free_the_escrow() -> None:
    event = PayoutsUnlocked(island_id=ISLAND, owner_id=OWNER, unlocked_at_ms=T0_MS)
    release = ReleaseEscrow(account_id=OWNER, island_id=ISLAND, now_ms=NOW_MS)
    assert react(event, NOW_MS) == [on_account(OWNER, release)]


@pytest.mark.parametrize(
    "event", [submitted(), assigned(), attempt_failed(Failure.CRASHED), held(), granted()]
)
def test_nothing_else_moves_money(event: Any) -> None:
    assert react(event, NOW_MS) == []


async def settle_all(log: MemoryEventLog) -> None:
    """Follows the log to its end, also over what settling itself records."""
    carrier = ReactionCarrier(CommandHandler(log), RecordingMailbox(), Prints())
    position = 0
    while position < len(log.commits):
        batch = log.commits[position:]
        position = len(log.commits)
        await advance(SETTLING, batch, carrier)


async def account(log: MemoryEventLog, account_id: AccountId) -> Account:
    return ACCOUNT.fold((await log.load(f"account.{account_id}")).events)


async def finished_job() -> MemoryEventLog:
    log = MemoryEventLog(now_ms=T0_MS)
    rich: tuple[AccountEvent, ...] = (opened(), granted(10 * MICRO_PER_CREDIT), held())
    await log.append(f"account.{CUSTOMER}", rich, expected=0, origin=origin("a"))
    for account_id in (OWNER, PUBLISHER):
        await log.append(f"account.{account_id}", [opened(account_id)], expected=0, origin=origin("o"))
    await log.append(f"job.{JOB_ID}", [submitted(), assigned(), succeeded()], expected=0, origin=origin("j"))
    return log


async def test_a_finished_job_is_paid_once_however_often_the_log_is_read() -> None:
    log = await finished_job()
    for _ in range(3):
        await settle_all(log)
        payer = await account(log, CUSTOMER)
        assert (payer.free_micro, payer.holds_micro) == (10 * MICRO_PER_CREDIT - PRICE_MICRO, {})
        assert (await account(log, OWNER)).escrow_micro == {ISLAND: 3_400_000}
        assert (await account(log, PUBLISHER)).free_micro == 200_000
    charge = next(e for commit in log.commits for e in commit.events if isinstance(e, HoldSettled))
    assert charge == replace(settled(), settled_at_ms=T0_MS)
    assert charge.charged_micro + charge.released_micro == BID_MICRO


def test_an_owner_who_published_the_cargo_too_earns_both_shares_in_one_commit() -> None:
    event = replace(settled(), publisher_id=OWNER)
    (order,) = react(event, NOW_MS)
    assert isinstance(order, Order)
    assert [share.island_id for share in order.command.shares] == [ISLAND, None]
    assert (
        sum(share.amount_micro for share in order.command.shares)
        == event.island_micro + event.publisher_micro
    )


def closed(reactions: Any) -> dict[Any, type]:
    """What becomes of each hold."""
    return {order.command.job_id: type(order.command) for order in reactions if isinstance(order, Order)}


def test_a_result_that_is_compared_waits_for_its_verdict() -> None:
    assert react(run(), NOW_MS) == []


def test_a_verdict_pays_who_agrees_or_is_undecided_and_nobody_who_was_wrong() -> None:
    right, wrong = second(), run(says=WRONG)
    reached = verdict(Outcome.CONTRADICTED, agreeing=(right, third()), contradicted=(wrong,))
    paid = {REPLICA_ID: SettleHold, SECOND_REPLICA_ID: SettleHold, JOB_ID: ReleaseHold}
    assert closed(react(reached, NOW_MS)) == paid
    nothing_proven = verdict(Outcome.INCONCLUSIVE, undecided=(run(),))
    assert closed(react(nothing_proven, NOW_MS)) == {JOB_ID: SettleHold}


def test_a_late_answer_is_paid_and_a_wrong_known_one_is_not() -> None:
    late = LateAnswerTaken(job_id=JOB_ID, run=second(), taken_at_ms=NOW_MS)
    assert closed(react(late, NOW_MS)) == {REPLICA_ID: SettleHold}
    for is_right, kind in ((True, SettleHold), (False, ReleaseHold)):
        judged = KnownAnswerJudged(job_id=JOB_ID, run=second(), is_right=is_right, judged_at_ms=NOW_MS)
        assert closed(react(judged, NOW_MS)) == {REPLICA_ID: kind}


def test_only_a_result_of_the_past_that_proves_wrong_is_paid_back() -> None:
    back = RefundResult(job_id=JOB_ID, account_id=CUSTOMER, now_ms=NOW_MS)
    groups = {"agreeing": (second(), third()), "contradicted": (run(says=WRONG),)}
    again = verdict(Outcome.CONTRADICTED, reason=CheckReason.RECHECK, **groups)
    assert react(again, NOW_MS)[-1] == back
    assert back not in react(verdict(Outcome.CONTRADICTED, **groups), NOW_MS)
