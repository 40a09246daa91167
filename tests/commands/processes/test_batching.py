"""A batch from its hold to its last credit, over a log: parts become jobs, ends are told, the rest comes back."""

from collections.abc import Sequence
from typing import Any

import pytest

from commands.event_log import Commit, LogUnavailable
from commands.handle import CommandHandler
from commands.process import ReactionCarrier, advance
from commands.processes.batching import BATCHING
from commands.processes.expiring import Expiring
from commands.processes.settling import SETTLING
from commands.submission import batch_id_for, job_id_for, part_id_for, submit_batch
from domain.account import ACCOUNT, OPEN_JOBS_MAX, Account
from domain.account_events import CreditsHeld, HoldReleased
from domain.batch import BATCH, Batch, BatchPhase
from domain.batch_events import FailMode, Outcome, PartEnded
from domain.failure import Failure
from domain.ids import JobId
from domain.job import ABANDON_AFTER_MS, JOB
from domain.job_commands import AbandonJob
from domain.job_state import Job, Phase
from domain.pricing import MICRO_PER_CREDIT
from domain.rejection import Rejected, Rejection
from tests.batch_examples import BATCH_ID, PARTS, cancel_batch
from tests.batch_examples import submit_batch as submit_command
from tests.commands.mailboxes import Prints, RecordingMailbox
from tests.examples import (
    BID_MICRO,
    CUSTOMER,
    OWNER,
    PRICE_MICRO,
    PUBLISHER,
    T0_MS,
    assign_job,
    fail_attempt,
    granted,
    held,
    opened,
    origin,
    start_attempt,
    succeed_attempt,
)
from tests.memory_log import MemoryEventLog

RICH_MICRO = 100 * MICRO_PER_CREDIT


class Story:
    """A log on which the processes keep up. `has_printed`: whether a running attempt has output."""

    def __init__(self, log: MemoryEventLog | None = None, *, has_printed: bool = False) -> None:
        self.log = log or MemoryEventLog(now_ms=T0_MS)
        self.handler = CommandHandler(self.log)
        self.carrier = ReactionCarrier(self.handler, RecordingMailbox(), Prints(something=has_printed))
        self._requests = 0

    async def begin(self, others: Sequence[CreditsHeld] = (), **fields: Any) -> None:
        """`others` are what the account holds for other jobs."""
        events = [opened(), granted(RICH_MICRO), *others]
        await self.log.append(f"account.{CUSTOMER}", events, expected=0, origin=origin("o"))
        for account_id in (OWNER, PUBLISHER):
            await self.log.append(
                f"account.{account_id}", [opened(account_id)], expected=0, origin=origin(account_id)
            )
        await submit_batch(self.handler, submit_command(**fields), origin("request"))
        await self.settle()

    async def settle(self, *, again: bool = False) -> None:
        """Both processes take everything, and what that leads to; twice where they are to repeat themselves."""
        for process in (BATCHING, SETTLING) * (2 if again else 1):
            taken: list[Commit] = []
            while len(taken) < len(self.log.commits):
                fresh = self.log.commits[len(taken) :]
                taken += fresh
                await advance(process, fresh, self.carrier)

    async def ask(self, decider: Any, aggregate_id: str, command: Any) -> None:
        self._requests += 1
        await self.handler.handle(decider, aggregate_id, command, origin=origin(f"ask-{self._requests}"))

    async def succeed(self, index: int) -> None:
        await self.start(index)
        await self.ask(JOB, PARTS[index].job_id, of_part(succeed_attempt(), index))
        await self.settle()

    async def fail(self, index: int) -> None:
        await self.start(index)
        await self.ask(JOB, PARTS[index].job_id, of_part(fail_attempt(Failure.CRASHED), index))
        await self.settle()

    async def start(self, index: int) -> None:
        for command in (assign_job(), start_attempt()):
            await self.ask(JOB, PARTS[index].job_id, of_part(command, index))

    async def job(self, index: int) -> Job:
        return await self.handler.state(JOB, PARTS[index].job_id)

    async def batch(self) -> Batch:
        return await self.handler.state(BATCH, BATCH_ID)

    async def account(self) -> Account:
        return await self.handler.state(ACCOUNT, CUSTOMER)

    async def phases(self) -> list[Phase]:
        return [(await self.job(index)).phase for index in range(3)]


def of_part(command: Any, index: int) -> Any:
    fields = {name: getattr(command, name) for name in command.__dataclass_fields__}
    return type(command)(**fields | {"job_id": PARTS[index].job_id})


async def test_only_what_may_run_at_once_becomes_a_job_and_holds_its_share() -> None:
    story = Story()
    await story.begin()
    assert await story.phases() == [Phase.SUBMITTED, Phase.SUBMITTED, Phase.UNSUBMITTED]
    holds = (await story.account()).holds_micro
    assert holds == dict.fromkeys((BATCH_ID, PARTS[0].job_id, PARTS[1].job_id), BID_MICRO)
    assert (await story.job(0)).batch_id == BATCH_ID


async def test_every_part_is_paid_once_and_the_rest_comes_back() -> None:
    story = Story()
    await story.begin()
    for index in (1, 0, 2):
        await story.succeed(index)
    account = await story.account()
    assert (await story.batch()).outcome is Outcome.SUCCEEDED
    assert account.holds_micro == {}
    assert account.free_micro == RICH_MICRO - 3 * PRICE_MICRO


async def test_repeated_from_the_beginning_the_processes_change_nothing() -> None:
    story = Story()
    await story.begin()
    await story.succeed(0)
    await story.fail(1)
    await story.succeed(2)
    before = list(story.log.commits)
    await story.settle(again=True)
    assert story.log.commits == before


async def test_without_credits_for_all_parts_nothing_happens() -> None:
    log = MemoryEventLog()
    events = [opened(), granted(3 * BID_MICRO - 1)]
    await log.append(f"account.{CUSTOMER}", events, expected=0, origin=origin("o"))
    with pytest.raises(Rejected) as rejected:
        await submit_batch(CommandHandler(log), submit_command(), origin("request"))
    assert rejected.value.code is Rejection.CREDITS_SHORT
    assert len(log.commits) == 1


@pytest.mark.parametrize(("has_printed", "charged_micro"), [(False, 0), (True, PRICE_MICRO)])
async def test_a_failure_cancels_the_other_parts_and_charges_what_was_read(
    has_printed: bool, charged_micro: int
) -> None:
    story = Story(has_printed=has_printed)
    await story.begin(fail_mode=FailMode.FAIL_FAST)
    await story.start(1)
    await story.fail(0)
    account = await story.account()
    assert await story.phases() == [Phase.FAILED, Phase.CANCELLED, Phase.UNSUBMITTED]
    assert (await story.batch()).outcome is Outcome.FAILED
    assert account.free_micro == RICH_MICRO - charged_micro
    assert account.holds_micro == {}


async def test_a_cancelled_batch_cancels_its_parts_and_frees_what_they_did_not_use() -> None:
    story = Story()
    await story.begin()
    await story.ask(BATCH, BATCH_ID, cancel_batch())
    await story.settle()
    assert await story.phases() == [Phase.CANCELLED, Phase.CANCELLED, Phase.UNSUBMITTED]
    assert (await story.batch()).outcome is Outcome.CANCELLED
    assert (await story.account()).free_micro == RICH_MICRO


async def test_a_part_that_succeeds_while_its_batch_stops_keeps_its_result() -> None:
    story = Story()
    await story.begin(fail_mode=FailMode.FAIL_FAST)
    await story.start(0)
    await story.start(1)
    await story.ask(JOB, PARTS[0].job_id, of_part(fail_attempt(Failure.CRASHED), 0))
    await story.ask(JOB, PARTS[1].job_id, of_part(succeed_attempt(), 1))
    await story.settle()
    batch = await story.batch()
    assert (batch.phase, batch.outcome, batch.succeeded) == (BatchPhase.ENDED, Outcome.FAILED, 1)
    assert (await story.account()).free_micro == RICH_MICRO - PRICE_MICRO


async def test_parts_beyond_the_open_jobs_fail_and_their_shares_come_back() -> None:
    story = Story()
    others = [held(1, job_id=JobId(f"other-{number}")) for number in range(OPEN_JOBS_MAX - 1)]
    await story.begin(others=others)
    batch, account = await story.batch(), await story.account()
    assert (batch.phase, batch.outcome, batch.failed) == (BatchPhase.ENDED, Outcome.FAILED, 3)
    assert await story.phases() == [Phase.UNSUBMITTED] * 3
    assert account.free_micro == RICH_MICRO - len(others)
    ends = [event for commit in story.log.commits for event in commit.events if isinstance(event, PartEnded)]
    assert {end.code for end in ends} == {Rejection.OPEN_JOBS_EXCEEDED}


async def test_a_part_that_was_given_up_before_it_arrived_fails() -> None:
    story = Story()
    gone = AbandonJob(job_id=PARTS[0].job_id, account_id=CUSTOMER, now_ms=T0_MS)
    await story.ask(JOB, PARTS[0].job_id, gone)
    await story.begin(parallelism_max=1)
    await story.succeed(1)
    await story.succeed(2)
    batch = await story.batch()
    assert (batch.outcome, batch.succeeded, batch.failed) == (Outcome.SUCCEEDED, 2, 1)
    assert (await story.account()).free_micro == RICH_MICRO - 2 * PRICE_MICRO


class LosesBatches(MemoryEventLog):
    """A coordinator that dies between the hold and the batch."""

    async def append(self, stream: str, *args: Any, **kwargs: Any) -> int:
        if stream.startswith("batch."):
            raise LogUnavailable(stream)
        return await super().append(stream, *args, **kwargs)


async def test_a_hold_whose_batch_never_arrived_is_given_up_and_freed() -> None:
    dying = Story(LosesBatches(now_ms=T0_MS))
    with pytest.raises(LogUnavailable):
        await dying.begin()
    story = Story()
    for commit in dying.log.commits:
        past = await story.log.load(commit.stream)
        await story.log.append(commit.stream, commit.events, expected=past.version, origin=commit.origin)
    expiring = Expiring()
    for commit in story.log.commits:
        expiring.take(commit)
    assert not expiring.plan(T0_MS + ABANDON_AFTER_MS - 1)
    for order in expiring.plan(T0_MS + ABANDON_AFTER_MS):
        await story.ask(order.decider, order.aggregate_id, order.command)
    await story.settle()
    assert isinstance(story.log.commits[-1].events[0], HoldReleased)
    assert (await story.account()).free_micro == RICH_MICRO
    with pytest.raises(Rejected) as rejected:
        await submit_batch(story.handler, submit_command(), origin("again"))
    assert rejected.value.code is Rejection.JOB_FINISHED


async def test_an_arrived_batch_is_not_given_up() -> None:
    story = Story()
    await story.begin()
    expiring = Expiring()
    for commit in story.log.commits:
        expiring.take(commit)
    assert not expiring.plan(T0_MS + ABANDON_AFTER_MS)


async def test_a_batch_sent_again_while_its_parts_run_is_the_same_batch() -> None:
    story = Story()
    await story.begin()
    before = list(story.log.commits)
    again = await submit_batch(story.handler, submit_command(), origin("again"))
    assert again.events == ()
    with pytest.raises(Rejected) as rejected:
        await submit_batch(story.handler, submit_command(request_sha256="d" * 64), origin("other"))
    assert rejected.value.code is Rejection.IDEMPOTENCY_MISMATCH
    assert story.log.commits == before


def test_ids_of_batches_parts_and_jobs_never_meet() -> None:
    batch_id = batch_id_for(CUSTOMER, "key")
    assert batch_id == batch_id_for(CUSTOMER, "key")
    assert (
        len({batch_id, job_id_for(CUSTOMER, "key"), part_id_for(batch_id, 0), part_id_for(batch_id, 1)}) == 4
    )
