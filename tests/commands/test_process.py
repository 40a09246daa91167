"""A batch of commits through a process: order, origin, and a crash between dispatch and save."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from commands.event_log import Commit
from commands.handle import CommandHandler
from commands.process import Order, Process, Reaction, ReactionCarrier, SendAssignment, SendCancel, advance
from commands.processes.dispatching import DISPATCHING
from commands.processes.karma import KARMA
from domain.ids import JobId
from domain.island import ISLAND as ISLAND_DECIDER
from domain.island_events import WorkCredited
from domain.rejection import Rejected, Rejection
from tests.commands.mailboxes import Prints, RecordingMailbox
from tests.examples import (
    ISLAND,
    JOB_ID,
    OTHER_JOB_ID,
    T0_MS,
    USAGE,
    assigned,
    enrolled,
    lost,
    origin,
    submitted,
    succeeded,
)
from tests.memory_log import MemoryEventLog


async def log_with_two_successes() -> MemoryEventLog:
    log = MemoryEventLog(now_ms=T0_MS)
    await log.append(f"island.{ISLAND}", enrolled(), expected=0, origin=origin("e"))
    for job_id in (JOB_ID, OTHER_JOB_ID):
        story = [
            replace(submitted(), job_id=job_id),
            replace(assigned(), job_id=job_id),
            succeeded(job_id=job_id),
        ]
        from_request = origin(f"s.{job_id}", correlation_id=f"request.{job_id}")
        await log.append(f"job.{job_id}", story, expected=0, origin=from_request)
    return log


def credited(log: MemoryEventLog) -> list[WorkCredited]:
    return [event for commit in log.commits for event in commit.events if isinstance(event, WorkCredited)]


async def test_a_command_carries_its_cause_and_an_id_that_follows_from_it() -> None:
    log = await log_with_two_successes()
    await advance(KARMA, log.commits[1:2], ReactionCarrier(CommandHandler(log), RecordingMailbox(), Prints()))
    assert log.commits[-1].origin == origin(
        "karma.2.2.0", cause="2.2", actor="karma", correlation_id=f"request.{JOB_ID}"
    )
    assert credited(log)[0].credited_at_ms == T0_MS


class DyingCarrier(ReactionCarrier):
    """Dies at its first reaction: before it is carried out, or right behind it."""

    def __init__(self, handler: CommandHandler, *, carries_out: bool) -> None:
        super().__init__(handler, RecordingMailbox(), Prints())
        self._carries_out = carries_out

    async def carry_out(self, reaction: Reaction, origin: Any) -> None:
        if self._carries_out:
            await super().carry_out(reaction, origin)
        raise ConnectionError


@pytest.mark.parametrize("carries_out", [False, True])
async def test_a_crash_between_dispatch_and_save_credits_nobody_twice(carries_out: bool) -> None:
    """The position was not saved, so whoever starts next takes the whole batch again."""
    log = await log_with_two_successes()
    batch = list(log.commits)
    with pytest.raises(ExceptionGroup):
        await advance(KARMA, batch, DyingCarrier(CommandHandler(log), carries_out=carries_out))
    assert bool(credited(log)) == carries_out
    for _ in range(2):
        await advance(KARMA, batch, ReactionCarrier(CommandHandler(log), RecordingMailbox(), Prints()))
    assert sorted(event.job_id for event in credited(log)) == [JOB_ID, OTHER_JOB_ID]
    state = ISLAND_DECIDER.fold((await log.load(f"island.{ISLAND}")).events)
    assert state.standing.pending_ms == 2 * USAGE.wall_ms * 3 // 2


async def test_two_coordinators_on_one_batch_credit_nobody_twice() -> None:
    log = await log_with_two_successes()
    batch = list(log.commits)
    await asyncio.gather(
        *(
            advance(KARMA, batch, ReactionCarrier(CommandHandler(log), RecordingMailbox(), Prints()))
            for _ in range(2)
        )
    )
    assert len(credited(log)) == 2


def commit(position: int, stream: str, *events: Any) -> Commit:
    return Commit(
        position=position, stream=stream, events=events, recorded_at_ms=T0_MS, origin=origin(f"c{position}")
    )


class SlowFirstMailbox(RecordingMailbox):
    """The first assignment waits until a cancellation of another job has been sent."""

    def __init__(self) -> None:
        super().__init__()
        self._other_sent = asyncio.Event()

    async def send_assignment(self, notice: SendAssignment) -> None:
        await self._other_sent.wait()
        await super().send_assignment(notice)

    async def send_cancel(self, notice: SendCancel) -> None:
        await super().send_cancel(notice)
        if notice.job_id == OTHER_JOB_ID:
            self._other_sent.set()


async def test_commits_of_one_aggregate_keep_their_order_and_others_do_not_wait() -> None:
    mailbox = SlowFirstMailbox()
    batch = [
        commit(1, f"job.{JOB_ID}", assigned()),
        commit(2, f"job.{JOB_ID}", lost()),
        commit(3, f"job.{OTHER_JOB_ID}", replace(lost(), job_id=OTHER_JOB_ID)),
    ]
    carrier = ReactionCarrier(CommandHandler(MemoryEventLog()), mailbox, Prints())
    async with asyncio.timeout(5):
        await advance(DISPATCHING, batch, carrier)
    sent = [(type(notice), notice.job_id) for notice in mailbox.sent]
    assert sent == [(SendCancel, OTHER_JOB_ID), (SendAssignment, JOB_ID), (SendCancel, JOB_ID)]


async def test_what_a_decider_refuses_stops_the_process() -> None:
    """A fact that the domain cannot follow up is never skipped."""
    carrier = ReactionCarrier(CommandHandler(MemoryEventLog()), RecordingMailbox(), Prints())
    with pytest.RaisesGroup(pytest.RaisesExc(Rejected, match=Rejection.ISLAND_UNKNOWN)):
        await advance(KARMA, [commit(1, f"job.{JOB_ID}", succeeded())], carrier)


async def test_several_reactions_to_one_event_get_ids_of_their_own() -> None:
    log = MemoryEventLog(now_ms=T0_MS)
    await log.append(f"island.{ISLAND}", enrolled(), expected=0, origin=origin("e"))

    def credit_twice(event: Any, at_ms: int) -> list[Order]:
        (order,) = KARMA.react(event, at_ms)
        assert isinstance(order, Order)
        again = replace(order, command=replace(order.command, job_id=JobId("another")))
        return [order, again]

    twice = Process(name="twice", react=credit_twice)
    carrier = ReactionCarrier(CommandHandler(log), RecordingMailbox(), Prints())
    await advance(twice, [commit(9, f"job.{JOB_ID}", succeeded())], carrier)
    assert [one.origin.command_id for one in log.commits[1:]] == ["twice.9.0.0", "twice.9.0.1"]
