"""Checks are opened, answered and heeded: pure sentences; and further runs over a log, where they may be refused."""

from dataclasses import replace
from typing import Any

import pytest

from commands.handle import CommandHandler
from commands.process import Order, ReactionCarrier, advance
from commands.processes.checking import CHECKING, react
from commands.replicas import DoubtResult, SubmitReplica, WithdrawReplica
from domain.account_events import CreditsHeld, HoldSplit
from domain.check_commands import CheckResult, OpenCheck, RecordAnswer, RecordNoAnswer
from domain.check_draw import CheckReason
from domain.check_events import Outcome, RunUnanswered, VerdictReached
from domain.ids import NETWORK_ACCOUNT
from domain.island_commands import ConfirmResult, ContradictResult
from domain.job_events import JobCancelled, JobSubmitted
from tests.check_examples import (
    ISLAND_EVENTS,
    OTHER_OWNER,
    REPLICA_ID,
    WRONG,
    opened,
    ordered,
    recorded,
    run,
    second,
    third,
    verdict,
)
from tests.commands.mailboxes import Prints, RecordingMailbox
from tests.examples import (
    BID_MICRO,
    CUSTOMER,
    JOB_ID,
    OTHER_JOB_ID,
    OWNER,
    T0_MS,
    at_ms,
    cancelled,
    failed,
    granted,
    held,
    origin,
    submitted,
    succeeded,
)
from tests.examples import opened as account_opened
from tests.memory_log import MemoryEventLog

NOW_MS = at_ms(6)


def commands(event: object) -> list[Any]:
    return [order.command for order in react(event, NOW_MS) if isinstance(order, Order)]


def test_a_job_with_redundancy_opens_a_check_and_shares_its_bid() -> None:
    asked = OpenCheck(job_id=JOB_ID, account_id=CUSTOMER, runs=3, bid_micro=BID_MICRO // 3, now_ms=NOW_MS)
    assert commands(submitted(redundancy=3)) == [asked]
    assert commands(submitted()) == []


def test_a_drawn_result_opens_a_check_and_every_other_answers_one() -> None:
    first, other = run(), second()
    asked = CheckResult(run=first, reason=CheckReason.NEWCOMER, now_ms=NOW_MS)
    assert commands(first) == [asked]
    assert commands(other) == [RecordAnswer(job_id=JOB_ID, run=other, now_ms=NOW_MS)]
    assert commands(succeeded()) == []


def test_a_run_that_ends_without_an_answer_is_told_to_its_check() -> None:
    gone = failed("crashed", job_id=REPLICA_ID, check_id=JOB_ID)
    assert commands(gone) == [RecordNoAnswer(job_id=JOB_ID, run_id=REPLICA_ID, now_ms=NOW_MS)]
    assert commands(failed("crashed")) == []


@pytest.mark.parametrize(("job_id", "ends_check"), [(JOB_ID, True), (REPLICA_ID, False)])
def test_only_who_cancels_the_job_itself_ends_its_check(job_id: Any, ends_check: bool) -> None:
    [told] = commands(cancelled(job_id=job_id, check_id=JOB_ID))
    assert told.ends_check is ends_check


def test_a_verdict_is_told_to_every_island_and_ends_the_runs_that_nobody_awaits() -> None:
    reached = verdict(agreeing=(run(), second()), contradicted=(third(),), unanswered=(OTHER_JOB_ID,))
    reactions = react(reached, NOW_MS)
    kinds = [type(order.command) for order in reactions if isinstance(order, Order)]
    assert kinds == [ConfirmResult, ConfirmResult, ContradictResult]
    assert reactions[-1] == WithdrawReplica(replica_id=OTHER_JOB_ID, now_ms=NOW_MS)


def test_the_doubted_results_of_an_island_that_was_caught_are_looked_at_again() -> None:
    assert react(ISLAND_EVENTS[1], NOW_MS) == [DoubtResult(job_id=OTHER_JOB_ID, now_ms=NOW_MS)]


def test_an_order_becomes_a_further_run() -> None:
    assert react(ordered(), NOW_MS) == [SubmitReplica(order=ordered(), now_ms=NOW_MS)]


# Over a log.


async def follow(log: MemoryEventLog) -> list[Any]:
    """The process takes every commit, until nothing more follows. Returns all events."""
    carrier = ReactionCarrier(CommandHandler(log), RecordingMailbox(), Prints())
    done = 0
    while done < len(log.commits):
        batch, done = log.commits[done:], len(log.commits)
        await advance(CHECKING, batch, carrier)
    return [event for commit in log.commits for event in commit.events]


async def checked_job(*, network_has_credits: bool) -> MemoryEventLog:
    log = MemoryEventLog()
    await log.append(f"job.{JOB_ID}", [submitted()], expected=0, origin=origin("a"))
    if network_has_credits:
        events = [
            replace(account_opened(), account_id=NETWORK_ACCOUNT),
            replace(granted(10 * BID_MICRO), account_id=NETWORK_ACCOUNT),
        ]
        await log.append(f"account.{NETWORK_ACCOUNT}", events, expected=0, origin=origin("b"))
    await log.append(
        f"check.{JOB_ID}", [opened(), recorded(run()), ordered()], expected=0, origin=origin("c")
    )
    return log


async def test_the_network_pays_for_a_run_with_the_same_input_and_other_owners() -> None:
    events = await follow(await checked_job(network_has_credits=True))
    [hold] = [event for event in events if isinstance(event, CreditsHeld)]
    again = events[-1]
    assert isinstance(again, JobSubmitted)
    assert (hold.account_id, hold.job_id, hold.amount_micro) == (NETWORK_ACCOUNT, REPLICA_ID, BID_MICRO)
    assert (again.account_id, again.check_id) == (NETWORK_ACCOUNT, JOB_ID)
    assert (again.input_json, again.cargo) == (submitted().input_json, submitted().cargo)
    assert again.excluded_owners == (OWNER,)


async def test_without_credits_nothing_is_compared_and_the_verdict_says_so() -> None:
    events = await follow(await checked_job(network_has_credits=False))
    assert any(isinstance(event, RunUnanswered) for event in events)
    [reached] = [event for event in events if isinstance(event, VerdictReached)]
    assert (reached.outcome, reached.undecided) == (Outcome.INCONCLUSIVE, (run(),))


async def test_runs_that_a_customer_asked_for_come_out_of_the_one_hold() -> None:
    log = MemoryEventLog()
    account = [account_opened(), granted(10 * BID_MICRO), held()]
    await log.append(f"account.{CUSTOMER}", account, expected=0, origin=origin("a"))
    await log.append(f"job.{JOB_ID}", [submitted(redundancy=2)], expected=0, origin=origin("b"))
    events = await follow(log)
    [split] = [event for event in events if isinstance(event, HoldSplit)]
    assert (split.into_job_id, split.amount_micro) == (REPLICA_ID, BID_MICRO // 2)
    [_, again] = [event for event in events if isinstance(event, JobSubmitted)]
    assert (again.job_id, again.account_id, again.redundancy) == (REPLICA_ID, CUSTOMER, 1)


async def test_a_run_that_nobody_awaits_is_withdrawn_unless_it_has_ended() -> None:
    log = await checked_job(network_has_credits=True)
    await follow(log)
    reached = verdict(Outcome.INCONCLUSIVE, undecided=(run(),), unanswered=(REPLICA_ID, OTHER_JOB_ID))
    await log.append(f"check.{JOB_ID}", [reached], expected=3, origin=origin("d"))
    for _ in range(2):
        events = await follow(log)
        ends = [event for event in events if isinstance(event, JobCancelled)]
        assert [(end.job_id, end.charge_micro) for end in ends] == [(REPLICA_ID, 0)]


async def test_only_a_success_of_an_exact_cargo_is_doubted() -> None:
    log = MemoryEventLog()
    past = [submitted(), replace(succeeded(), owner_id=OTHER_OWNER)]
    await log.append(f"job.{JOB_ID}", past, expected=0, origin=origin("a"))
    await log.append(f"job.{OTHER_JOB_ID}", [submitted(job_id=OTHER_JOB_ID)], expected=0, origin=origin("b"))
    doubts = replace(ISLAND_EVENTS[1], doubted=(JOB_ID, OTHER_JOB_ID), contradicted_at_ms=T0_MS)
    await log.append(f"island.{OTHER_OWNER}", [doubts], expected=0, origin=origin("c"))
    events = await follow(log)
    [reached] = [event for event in events if isinstance(event, VerdictReached)]
    assert (reached.job_id, reached.reason) == (JOB_ID, CheckReason.RECHECK)
    assert WRONG not in {one.output.digest for one in reached.undecided}
