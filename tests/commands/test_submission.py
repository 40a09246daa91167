"""Submitting: the hold first, the job second, and one job for one key whatever happens in between."""

import asyncio
from typing import Any

import pytest

from commands.event_log import EventLog, LogUnavailable
from commands.handle import CommandHandler
from commands.process import ReactionCarrier, advance
from commands.processes.expiring import Expiring
from commands.processes.settling import SETTLING
from commands.submission import job_id_for, submit
from domain.account import ACCOUNT, Account
from domain.account_commands import SplitHold
from domain.account_events import CreditsHeld, HoldReleased
from domain.ids import AccountId
from domain.job import ABANDON_AFTER_MS, JOB
from domain.job_events import JobAbandoned, JobSubmitted
from domain.job_state import Phase
from domain.pricing import MICRO_PER_CREDIT
from domain.rejection import Rejected, Rejection
from tests.commands.event_log_contract import everything
from tests.commands.mailboxes import Prints, RecordingMailbox
from tests.examples import (
    BID_MICRO,
    CUSTOMER,
    JOB_ID,
    OTHER_JOB_ID,
    T0_MS,
    granted,
    opened,
    origin,
    submit_job,
)
from tests.memory_log import MemoryEventLog

RICH_MICRO = 100 * MICRO_PER_CREDIT


async def open_rich_account(log: EventLog) -> None:
    await log.append(f"account.{CUSTOMER}", [opened(), granted(RICH_MICRO)], expected=0, origin=origin("o"))


async def account(log: EventLog) -> Account:
    return ACCOUNT.fold((await log.load(f"account.{CUSTOMER}")).events)


async def kinds(log: EventLog) -> list[type]:
    return [type(event) for commit in await everything(log) for event in commit.events]


async def test_the_credits_are_held_before_the_job_is_recorded(log: EventLog) -> None:
    await open_rich_account(log)
    submission = await submit(CommandHandler(log), submit_job(), origin("c1"))
    assert submission.is_new
    assert (await kinds(log))[2:] == [CreditsHeld, JobSubmitted]
    assert (await account(log)).holds_micro == {JOB_ID: BID_MICRO}


async def test_a_repeated_request_finds_its_job(log: EventLog) -> None:
    await open_rich_account(log)
    first = await submit(CommandHandler(log), submit_job(), origin("c1"))
    again = await submit(CommandHandler(log), submit_job(now_ms=T0_MS + 9), origin("c1"))
    assert not again.is_new
    assert again.handled.position == first.handled.position
    assert (await account(log)).free_micro == RICH_MICRO - BID_MICRO


async def test_a_repeated_request_finds_its_job_when_part_of_its_hold_stands_for_a_second_run(
    log: EventLog,
) -> None:
    await open_rich_account(log)
    handler = CommandHandler(log)
    first = await submit(handler, submit_job(redundancy=2), origin("c1"))
    part = SplitHold(
        account_id=CUSTOMER,
        job_id=JOB_ID,
        into_job_id=OTHER_JOB_ID,
        amount_micro=BID_MICRO // 2,
        now_ms=T0_MS,
    )
    await handler.handle(ACCOUNT, CUSTOMER, part, origin=origin("c2"))
    again = await submit(handler, submit_job(redundancy=2, now_ms=T0_MS + 9), origin("c1"))
    assert (again.is_new, again.handled.position) == (False, first.handled.position)
    with pytest.raises(Rejected) as rejected:
        await submit(handler, submit_job(redundancy=3, request_sha256="d" * 64), origin("c3"))
    assert rejected.value.code is Rejection.IDEMPOTENCY_MISMATCH


async def test_without_credits_nothing_happens(log: EventLog) -> None:
    await log.append(f"account.{CUSTOMER}", [opened()], expected=0, origin=origin("o"))
    with pytest.raises(Rejected) as rejected:
        await submit(CommandHandler(log), submit_job(), origin("c1"))
    assert rejected.value.code is Rejection.CREDITS_SHORT
    assert len(await everything(log)) == 1


@pytest.mark.parametrize(
    "other", [{"request_sha256": "d" * 64}, {"request_sha256": "d" * 64, "bid_micro": 1}]
)
async def test_the_same_key_for_another_request_is_refused_and_costs_nothing(
    log: EventLog, other: dict[str, Any]
) -> None:
    await open_rich_account(log)
    await submit(CommandHandler(log), submit_job(), origin("c1"))
    before = await everything(log)
    with pytest.raises(Rejected) as rejected:
        await submit(CommandHandler(log), submit_job(**other), origin("c2"))
    assert rejected.value.code is Rejection.IDEMPOTENCY_MISMATCH
    assert await everything(log) == before


async def test_the_same_key_a_hundred_times_at_once_makes_one_job(log: EventLog) -> None:
    await open_rich_account(log)
    handlers = [CommandHandler(log), CommandHandler(log)]
    submissions = await asyncio.gather(
        *(submit(handlers[n % 2], submit_job(now_ms=T0_MS + n), origin(f"request-{n}")) for n in range(100))
    )
    assert sum(submission.is_new for submission in submissions) == 1
    assert len({submission.handled.position for submission in submissions}) == 1
    assert (await kinds(log))[2:] == [CreditsHeld, JobSubmitted]


class LosesJobs(MemoryEventLog):
    """A coordinator that dies between the hold and the job."""

    async def append(self, stream: str, *args: Any, **kwargs: Any) -> int:
        if stream.startswith("job."):
            raise LogUnavailable(stream)
        return await super().append(stream, *args, **kwargs)


async def orphaned_hold() -> MemoryEventLog:
    """A log with a hold whose job never arrived."""
    dying = LosesJobs(now_ms=T0_MS)
    await open_rich_account(dying)
    with pytest.raises(LogUnavailable):
        await submit(CommandHandler(dying), submit_job(), origin("c1"))
    log = MemoryEventLog(now_ms=T0_MS)
    for commit in dying.commits:
        past = await log.load(commit.stream)
        await log.append(commit.stream, commit.events, expected=past.version, origin=commit.origin)
    return log


async def expire_and_settle(log: MemoryEventLog, now_ms: int) -> None:
    """What expiring orders is carried out, and then everything is settled."""
    expiring, handler = Expiring(), CommandHandler(log)
    for commit in log.commits:
        expiring.take(commit)
    for number, order in enumerate(expiring.plan(now_ms)):
        await handler.handle(order.decider, order.aggregate_id, order.command, origin=origin(f"e{number}"))
    await advance(SETTLING, log.commits, ReactionCarrier(handler, RecordingMailbox(), Prints()))


async def test_a_hold_whose_job_never_arrived_is_given_up_and_freed() -> None:
    log = await orphaned_hold()
    await expire_and_settle(log, T0_MS + ABANDON_AFTER_MS - 1)
    assert (await kinds(log))[2:] == [CreditsHeld]
    await expire_and_settle(log, T0_MS + ABANDON_AFTER_MS)
    assert (await kinds(log))[2:] == [CreditsHeld, JobAbandoned, HoldReleased]
    assert (await account(log)).free_micro == RICH_MICRO
    with pytest.raises(Rejected) as rejected:
        await submit(CommandHandler(log), submit_job(), origin("c2"))
    assert rejected.value.code is Rejection.JOB_FINISHED
    assert (await account(log)).free_micro == RICH_MICRO


async def test_a_request_sent_again_in_time_uses_the_hold_that_is_there() -> None:
    log = await orphaned_hold()
    submission = await submit(CommandHandler(log), submit_job(), origin("c2"))
    await expire_and_settle(log, T0_MS + ABANDON_AFTER_MS)
    assert submission.is_new
    assert (await CommandHandler(log).state(JOB, JOB_ID)).phase is Phase.SUBMITTED
    assert (await account(log)).holds_micro == {JOB_ID: BID_MICRO}


def test_a_key_makes_one_job_id_in_one_account() -> None:
    job_id = job_id_for(CUSTOMER, "key")
    assert job_id == job_id_for(CUSTOMER, "key")
    others = {job_id_for(CUSTOMER, "key2"), job_id_for(AccountId("other"), "key")}
    # The separator keeps (`a`, `bc`) and (`ab`, `c`) apart.
    pairs = {job_id_for(AccountId("a"), "bc"), job_id_for(AccountId("ab"), "c")}
    assert len({job_id} | others | pairs) == 5
