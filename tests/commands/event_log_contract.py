"""What every event log promises, once. Run on the log in memory and on JetStream by `test_event_log.py`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from commands.event_log import CommandReused, Commit, Conflict, EventLog, Origin, Past
from domain.failure import Failure
from tests.examples import assigned, attempt_failed, failed, held, lost, origin, submitted

Promise = Callable[[EventLog], Awaitable[None]]


async def everything(log: EventLog, after: int = 0, up_to: int | None = None) -> list[Commit]:
    return [commit async for batch in log.read(after=after, up_to=up_to) for commit in batch]


async def an_empty_log_answers_with_nothing(log: EventLog) -> None:
    assert await log.load("job.a") == Past(events=(), version=0)
    assert await log.load("job.a", after=5) == Past(events=(), version=5)
    assert await log.first("job.a") is None
    assert await log.last_position() == 0
    assert await everything(log) == []


async def what_was_appended_is_read_back(log: EventLog) -> None:
    one = await log.append("job.a", [submitted(), assigned()], expected=0, origin=origin("c1"))
    two = await log.append("job.a", [lost()], expected=one, origin=origin("c2"))
    assert await log.load("job.a") == Past(events=(submitted(), assigned(), lost()), version=two)
    assert await log.load("job.a", after=one) == Past(events=(lost(),), version=two)
    assert await log.load("job.a", after=two) == Past(events=(), version=two)


async def aggregates_are_kept_apart(log: EventLog) -> None:
    a = await log.append("job.a", [submitted()], expected=0, origin=origin("c1"))
    await log.append("job.ab", [submitted(priority=7)], expected=0, origin=origin("c2"))
    await log.append("account.a", [held()], expected=0, origin=origin("c3"))
    assert await log.load("job.a") == Past(events=(submitted(),), version=a)


async def a_commit_tells_where_it_came_from(log: EventLog) -> None:
    full = Origin(command_id="c1", cause="7.0", actor="settling", correlation_id="r-1")
    position = await log.append("job.a", [submitted()], expected=0, origin=full)
    await log.append("job.b", [submitted()], expected=0, origin=origin("c2"))
    first, second = await everything(log)
    assert (first.position, first.stream, first.events) == (position, "job.a", (submitted(),))
    assert (first.origin, second.origin) == (full, Origin(command_id="c2"))
    assert first.recorded_at_ms <= second.recorded_at_ms


async def the_first_commit_is_found_whatever_followed(log: EventLog) -> None:
    await log.append("job.b", [submitted()], expected=0, origin=origin("c0"))
    position = await log.append("job.a", [submitted()], expected=0, origin=origin("c1"))
    await log.append("job.a", [assigned()], expected=position, origin=origin("c2"))
    first = await log.first("job.a")
    assert first is not None
    assert (first.position, first.events, first.origin) == (position, (submitted(),), origin("c1"))


async def the_history_of_an_aggregate_has_every_commit_with_its_address(log: EventLog) -> None:
    one = await log.append("job.a", [submitted(), assigned()], expected=0, origin=origin("c1"))
    await log.append("job.ab", [submitted()], expected=0, origin=origin("c2"))
    two = await log.append("job.a", [lost()], expected=one, origin=origin("c3"))
    history = await log.history("job.a")
    assert [(commit.position, len(commit.events)) for commit in history] == [(one, 2), (two, 1)]
    assert list(history) == [commit for commit in await everything(log) if commit.stream == "job.a"]
    assert list(await log.history("job.b")) == []


async def a_stale_append_is_refused_whole(log: EventLog) -> None:
    one = await log.append("job.a", [submitted()], expected=0, origin=origin("c1"))
    await log.append("job.a", [assigned()], expected=one, origin=origin("c2"))
    for stale in (0, one):
        with pytest.raises(Conflict):
            await log.append("job.a", [assigned(), lost()], expected=stale, origin=origin("c3"))
    assert len(await everything(log)) == 2


async def one_of_many_racers_wins(log: EventLog) -> None:
    async def race(number: int) -> int | None:
        try:
            return await log.append(
                "job.a", [submitted(), assigned()], expected=0, origin=origin(f"r{number}")
            )
        except Conflict:
            return None

    won = [position for position in await asyncio.gather(*(race(n) for n in range(20))) if position]
    assert [commit.position for commit in await everything(log)] == won
    assert len(won) == 1


async def a_repeated_append_finds_its_own_commit(log: EventLog) -> None:
    first = await log.append("job.a", [submitted()], expected=0, origin=origin("same"))
    assert await log.append("job.a", [submitted()], expected=0, origin=origin("same")) == first
    await log.append("job.a", [assigned()], expected=first, origin=origin("later"))
    assert await log.append("job.a", [submitted()], expected=0, origin=origin("same")) == first
    assert len(await everything(log)) == 2


async def a_command_id_stands_for_one_content(log: EventLog) -> None:
    await log.append("job.a", [submitted()], expected=0, origin=origin("same"))
    with pytest.raises(CommandReused):
        await log.append("job.a", [submitted(priority=7)], expected=0, origin=origin("same"))
    assert len(await everything(log)) == 1


async def one_command_id_on_two_aggregates_is_two_commits(log: EventLog) -> None:
    await log.append("job.a", [submitted()], expected=0, origin=origin("same"))
    await log.append("job.b", [submitted(priority=7)], expected=0, origin=origin("same"))
    assert [commit.stream for commit in await everything(log)] == ["job.a", "job.b"]


async def commits_are_read_in_order_from_anywhere_to_anywhere(log: EventLog) -> None:
    positions = [
        await log.append(f"job.{n}", [submitted(priority=n)], expected=0, origin=origin(f"c{n}"))
        for n in range(9)
    ]
    commits = await everything(log)
    assert [commit.position for commit in commits] == positions == list(range(1, 10))
    assert await log.last_position() == 9
    assert await everything(log, after=4) == commits[4:]
    assert await everything(log, after=9) == []
    assert await everything(log, up_to=5) == commits[:5]
    assert await everything(log, after=2, up_to=5) == commits[2:5]
    assert await everything(log, after=5, up_to=5) == []


async def every_event_of_a_commit_comes_back_as_it_went(log: EventLog) -> None:
    events = (submitted(), assigned(), attempt_failed(Failure.CRASHED), failed(Failure.CRASHED))
    await log.append("job.a", events, expected=0, origin=origin("c1"))
    assert (await log.load("job.a")).events == events


CONTRACT: Final[tuple[Promise, ...]] = (
    an_empty_log_answers_with_nothing,
    what_was_appended_is_read_back,
    aggregates_are_kept_apart,
    a_commit_tells_where_it_came_from,
    the_first_commit_is_found_whatever_followed,
    the_history_of_an_aggregate_has_every_commit_with_its_address,
    a_stale_append_is_refused_whole,
    one_of_many_racers_wins,
    a_repeated_append_finds_its_own_commit,
    a_command_id_stands_for_one_content,
    one_command_id_on_two_aggregates_is_two_commits,
    commits_are_read_in_order_from_anywhere_to_anywhere,
    every_event_of_a_commit_comes_back_as_it_went,
)
