"""The write path: decided once, raced safely, and never answered from a stale memory."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from commands import handle
from commands.event_log import Conflict, EventLog, LogUnavailable, Origin, Past
from commands.handle import TRIES_MAX, CommandHandler
from domain.account import ACCOUNT
from domain.account_commands import GrantCredits, HoldCredits, OpenAccount
from domain.ids import JobId
from domain.island import ISLAND as ISLAND_DECIDER
from domain.island_commands import MarkOffline
from domain.island_events import IslandCameOnline
from domain.job import JOB
from domain.job_events import JobAssigned
from domain.job_state import Phase
from domain.rejection import Rejected, Rejection
from tests.commands.event_log_contract import everything
from tests.examples import (
    CUSTOMER,
    ISLAND,
    JOB_ID,
    OTHER_ISLAND,
    OWNER,
    T0_MS,
    assign_job,
    assigned,
    at_ms,
    cancel_job,
    cancelled,
    heartbeat,
    origin,
    ready_island,
    submit_job,
    submitted,
)
from tests.memory_log import MemoryEventLog


class CountingLog(MemoryEventLog):
    """Counts what is asked of it; `appends_fail` times an append raises instead."""

    def __init__(self, *failures: Exception) -> None:
        super().__init__()
        self.loads: list[tuple[str, int]] = []
        self.failures = list(failures)
        self.appends = 0

    async def load(self, stream: str, *, after: int = 0) -> Past:
        self.loads.append((stream, after))
        return await super().load(stream, after=after)

    async def append(self, stream: str, events: Sequence[Any], *, expected: int, origin: Origin) -> int:
        self.appends += 1
        if self.failures:
            raise self.failures.pop(0)
        return await super().append(stream, events, expected=expected, origin=origin)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handle, "PAUSE_FIRST_S", 0.0)


async def test_a_command_sent_twice_is_recorded_once(log: EventLog) -> None:
    handler = CommandHandler(log)
    first = await handler.handle(JOB, JOB_ID, submit_job(), origin=origin("c1"))
    again = await handler.handle(JOB, JOB_ID, submit_job(), origin=origin("c2"))
    assert (first.events, first.state.phase) == ((submitted(),), Phase.SUBMITTED)
    assert (again.events, again.position, again.state) == ((), first.position, first.state)
    assert len(await everything(log)) == 1


async def test_two_handlers_race_and_one_island_gets_the_job(log: EventLog) -> None:
    await CommandHandler(log).handle(JOB, JOB_ID, submit_job(), origin=origin("c1"))
    one, other = CommandHandler(log), CommandHandler(log)
    answers = await asyncio.gather(
        one.handle(JOB, JOB_ID, assign_job(ISLAND), origin=origin("p1")),
        other.handle(JOB, JOB_ID, assign_job(OTHER_ISLAND), origin=origin("p2")),
        return_exceptions=True,
    )
    codes = [answer.code for answer in answers if isinstance(answer, Rejected)]
    assert codes == [Rejection.JOB_NOT_WAITING]
    past = await log.load(f"job.{JOB_ID}")
    assert sum(isinstance(event, JobAssigned) for event in past.events) == 1


async def test_many_handlers_spend_an_account_to_the_last_and_no_further(log: EventLog) -> None:
    await CommandHandler(log).handle(
        ACCOUNT, CUSTOMER, OpenAccount(account_id=CUSTOMER, name="c", now_ms=T0_MS), origin=origin("o")
    )
    grant = GrantCredits(account_id=CUSTOMER, grant_id="g", amount_micro=5, reason="sign-up", now_ms=T0_MS)
    await CommandHandler(log).handle(ACCOUNT, CUSTOMER, grant, origin=origin("g"))
    handlers = [CommandHandler(log) for _ in range(3)]

    async def hold(number: int) -> None:
        command = HoldCredits(account_id=CUSTOMER, job_id=JobId(f"j-{number}"), amount_micro=1, now_ms=T0_MS)
        await handlers[number % 3].handle(ACCOUNT, CUSTOMER, command, origin=origin(f"h{number}"))

    answers = await asyncio.gather(*(hold(number) for number in range(12)), return_exceptions=True)
    codes = [answer.code for answer in answers if isinstance(answer, Rejected)]
    assert codes == [Rejection.CREDITS_SHORT] * 7
    assert answers.count(None) == 5
    state = ACCOUNT.fold((await log.load(f"account.{CUSTOMER}")).events)
    assert (state.free_micro, sum(state.holds_micro.values())) == (0, 5)


async def test_a_known_aggregate_takes_one_append_and_no_load() -> None:
    log = CountingLog()
    handler = CommandHandler(log)
    await handler.handle(JOB, JOB_ID, submit_job(), origin=origin("c1"))
    await handler.handle(JOB, JOB_ID, assign_job(), origin=origin("c2"))
    assert (log.loads, log.appends) == ([(f"job.{JOB_ID}", 0)], 2)


async def test_a_memory_that_somebody_overtook_is_read_on_from_where_it_was() -> None:
    log = CountingLog()
    handler = CommandHandler(log)
    await handler.handle(JOB, JOB_ID, submit_job(), origin=origin("c1"))
    await CommandHandler(log).handle(JOB, JOB_ID, assign_job(), origin=origin("c2"))
    log.loads.clear()
    handled = await handler.handle(JOB, JOB_ID, cancel_job(), origin=origin("c3"))
    assert handled.events == (cancelled(attempt=1, island_id=ISLAND, owner_id=OWNER),)
    assert log.loads == [(f"job.{JOB_ID}", 1)]


async def test_nothing_to_do_is_never_answered_from_a_stale_memory(log: EventLog) -> None:
    """One coordinator marks the island offline; the heartbeat at the other must bring it back."""
    await log.append(f"island.{ISLAND}", ready_island(), expected=0, origin=origin("e"))
    one, other = CommandHandler(log), CommandHandler(log)
    await one.handle(ISLAND_DECIDER, ISLAND, heartbeat(), origin=origin("h1"))
    mark = MarkOffline(island_id=ISLAND, now_ms=at_ms(50))
    await other.handle(ISLAND_DECIDER, ISLAND, mark, origin=origin("m"))
    handled = await one.handle(ISLAND_DECIDER, ISLAND, heartbeat(60), origin=origin("h2"))
    assert handled.events == (IslandCameOnline(island_id=ISLAND, online_at_ms=at_ms(60)),)


async def test_a_rejection_is_never_answered_from_a_stale_memory(log: EventLog) -> None:
    """One coordinator knows an empty account; the other has granted credits since."""
    one, other = CommandHandler(log), CommandHandler(log)
    opened = OpenAccount(account_id=CUSTOMER, name="c", now_ms=T0_MS)
    await one.handle(ACCOUNT, CUSTOMER, opened, origin=origin("o"))
    grant = GrantCredits(account_id=CUSTOMER, grant_id="g", amount_micro=5, reason="sign-up", now_ms=T0_MS)
    await other.handle(ACCOUNT, CUSTOMER, grant, origin=origin("g"))
    hold = HoldCredits(account_id=CUSTOMER, job_id=JOB_ID, amount_micro=5, now_ms=T0_MS)
    handled = await one.handle(ACCOUNT, CUSTOMER, hold, origin=origin("h"))
    assert handled.state.free_micro == 0


async def test_a_rejection_leaves_nothing_in_the_log(log: EventLog) -> None:
    with pytest.raises(Rejected):
        await CommandHandler(log).handle(JOB, JOB_ID, cancel_job(), origin=origin("c1"))
    assert await everything(log) == []


async def test_a_lost_race_is_run_again_and_endless_ones_are_given_up() -> None:
    log = CountingLog(Conflict("job"), Conflict("job"))
    handled = await CommandHandler(log).handle(JOB, JOB_ID, submit_job(), origin=origin("c1"))
    assert (handled.events, log.appends) == ((submitted(),), 3)
    log = CountingLog(*[Conflict("job")] * 99)
    with pytest.raises(Conflict):
        await CommandHandler(log).handle(JOB, JOB_ID, submit_job(), origin=origin("c1"))
    assert log.appends == TRIES_MAX


async def test_after_an_unclear_append_the_next_command_reads_the_log_again() -> None:
    log = CountingLog()
    handler = CommandHandler(log)
    await handler.handle(JOB, JOB_ID, submit_job(), origin=origin("c1"))
    log.failures = [LogUnavailable("job")]
    with pytest.raises(LogUnavailable):
        await handler.handle(JOB, JOB_ID, assign_job(), origin=origin("c2"))
    log.loads.clear()
    handled = await handler.handle(JOB, JOB_ID, assign_job(), origin=origin("c2"))
    assert handled.events == (assigned(),)
    assert log.loads == [(f"job.{JOB_ID}", 0)]


async def test_commands_on_one_aggregate_take_turns_instead_of_racing() -> None:
    log = CountingLog()
    handler = CommandHandler(log)
    commands = [submit_job(now_ms=at_ms(number)) for number in range(20)]
    handled = await asyncio.gather(
        *(handler.handle(JOB, JOB_ID, command, origin=origin(f"c{n}")) for n, command in enumerate(commands))
    )
    assert sum(bool(one.events) for one in handled) == 1
    assert log.appends == 1
    assert not handler._turns
    assert not handler._waiting


async def test_the_memory_is_bounded_and_the_oldest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handle, "AGGREGATES_CACHED_MAX", 2)
    log = CountingLog()
    handler = CommandHandler(log)
    for name in ("a", "b", "c", "b", "a"):
        await handler.state(JOB, name)
    assert log.loads == [("job.a", 0), ("job.b", 0), ("job.c", 0), ("job.b", 0), ("job.a", 0)]
    assert list(handler._known) == ["job.b", "job.a"]


async def test_the_state_of_an_aggregate_is_always_read_up_to_the_present(log: EventLog) -> None:
    one, other = CommandHandler(log), CommandHandler(log)
    assert (await one.state(JOB, JOB_ID)).phase is Phase.UNSUBMITTED
    await other.handle(JOB, JOB_ID, submit_job(), origin=origin("c1"))
    assert (await one.state(JOB, JOB_ID)).phase is Phase.SUBMITTED
