"""Every commit counts exactly once: rows and position move together, or nothing moves."""

from collections.abc import AsyncIterator, Sequence

import psycopg
import pytest
from psycopg import AsyncConnection

from commands.event_log import Commit
from projections.contract import CHANNEL, Gap, Superseded, Transaction, apply_batch
from projections.migrations import prepare
from projections.runner import connect
from tests.histories import History
from tests.projections.tally import Ignored, Tally, Ticked, standing, tallied

LIVE = "tally_v1"


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Transaction]:
    async with await connect(database, "test") as connection:
        await prepare(connection, Tally(), LIVE)
        yield connection


def ticks(count: int) -> list[Commit]:
    history = History()
    for number in range(count):
        history.add(f"stream-{number % 2}", Ticked())
    return history.commits


class DyingTally(Tally):
    """Its connection is cut when the rows are written and the position is moved, before the commit."""

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        await super().apply(tx, commits)
        await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")


async def test_rows_and_position_move_together(connection: Transaction, database: str) -> None:
    assert await apply_batch(connection, Tally(), LIVE, 0, ticks(3)) == 3
    assert (tallied(database), standing(database)) == ({"stream-0": 2, "stream-1": 1}, 3)


async def test_a_crash_between_rows_and_commit_leaves_neither(connection: Transaction, database: str) -> None:
    await apply_batch(connection, Tally(), LIVE, 0, ticks(1))
    with pytest.raises(psycopg.OperationalError):
        await apply_batch(connection, DyingTally(), LIVE, 1, ticks(3)[1:])
    assert (tallied(database), standing(database)) == ({"stream-0": 1}, 1)


@pytest.mark.parametrize(("position", "first"), [(0, 1), (2, 1), (1, 0)], ids=["early", "late", "repeated"])
async def test_a_hole_or_a_repetition_is_refused(
    connection: Transaction, database: str, position: int, first: int
) -> None:
    with pytest.raises(Gap) as gap:
        await apply_batch(connection, Tally(), LIVE, position, ticks(4)[first:])
    assert gap.value.position == position
    assert f"commit {position + 1} was expected, {first + 1} came" in str(gap.value)
    assert (tallied(database), standing(database)) == ({}, 0)


async def test_a_hole_inside_a_batch_is_refused(connection: Transaction, database: str) -> None:
    first, _, third = ticks(3)
    with pytest.raises(Gap):
        await apply_batch(connection, Tally(), LIVE, 0, [first, third])
    assert standing(database) == 0


async def test_the_second_of_two_runners_steps_aside(connection: Transaction, database: str) -> None:
    async with await connect(database, "other") as other:
        await apply_batch(connection, Tally(), LIVE, 0, ticks(2))
        with pytest.raises(Superseded):
            await apply_batch(other, Tally(), LIVE, 0, ticks(1))
    assert (tallied(database), standing(database)) == ({"stream-0": 1, "stream-1": 1}, 2)


async def test_a_batch_without_concern_only_moves_the_position(
    connection: Transaction, database: str
) -> None:
    history = History()
    history.add("stream", Ignored())
    assert await apply_batch(connection, Tally(), LIVE, 0, history.commits) == 1
    assert (tallied(database), standing(database)) == ({}, 1)
    with pytest.raises(Superseded):
        await apply_batch(connection, Tally(), LIVE, 0, history.commits)


async def test_no_commits_are_no_change(connection: Transaction, database: str) -> None:
    assert await apply_batch(connection, Tally(), LIVE, 0, []) == 0
    assert standing(database) == 0


async def heard(listener: AsyncConnection[object]) -> list[str]:
    return [told.payload async for told in listener.notifies(timeout=0.2)]


async def test_listeners_hear_of_a_batch_once(connection: Transaction, database: str) -> None:
    async with await AsyncConnection.connect(database, autocommit=True) as listener:
        await listener.execute(f"LISTEN {CHANNEL}".encode())
        await apply_batch(connection, Tally(), LIVE, 0, ticks(5))
        assert await heard(listener) == ["tally 5"]


async def test_listeners_do_not_hear_of_what_is_built_beside(connection: Transaction, database: str) -> None:
    async with await AsyncConnection.connect(database, autocommit=True) as listener:
        await listener.execute(f"LISTEN {CHANNEL}".encode())
        await prepare(connection, Tally(), f"{LIVE}_rebuild")
        await apply_batch(connection, Tally(), f"{LIVE}_rebuild", 0, ticks(5))
        assert await heard(listener) == []
        assert tallied(database) == {}
