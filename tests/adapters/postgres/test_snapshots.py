"""Snapshots in a real database: the newest of this program, or none."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.postgres import snapshots as module
from adapters.postgres.snapshots import WAITING_MAX, PostgresSnapshots, program_digest
from commands.snapshots import Snapshot
from domain.account import ACCOUNT, Account
from domain.ids import JobId
from tests.examples import granted, held, opened, settled

STREAM: Final = "account.anna"
Pool = AsyncConnectionPool[AsyncConnection[Any]]


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with AsyncConnectionPool[AsyncConnection[Any]](
        database, min_size=1, max_size=2, open=False, kwargs={"autocommit": True}
    ) as pool:
        yield pool


def of_program(pool: Pool, program: str) -> PostgresSnapshots:
    return PostgresSnapshots(pool, program=program)


@pytest.fixture
async def snapshots(pool: Pool) -> AsyncIterator[PostgresSnapshots]:
    """With its writer running."""
    snapshots = of_program(pool, "today's")
    await snapshots.create()
    writer = asyncio.create_task(snapshots.run())
    yield snapshots
    writer.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writer


def rich_account() -> Account:
    """With open holds, and with so many closed ones that they are packed."""
    account = ACCOUNT.fold((opened(), granted(), held(), settled(), held(job_id=JobId("open"))))
    closed = account.closed_holds
    for number in range(5_000):
        closed = closed.with_id(f"j-{number}")
    return Account(
        is_open=True,
        free_micro=7,
        holds_micro=account.holds_micro,
        closed_holds=closed,
        grants=account.grants,
    )


def snapshot_of(version: int, state: Account | None = None) -> Snapshot[Account]:
    return Snapshot(
        state=state or Account(free_micro=version),
        version=version,
        events=2 * version,
        command_id=f"c{version}",
    )


async def written(snapshots: PostgresSnapshots, stream: str, version: int) -> None:
    """Waits until that snapshot can be read."""
    async with asyncio.timeout(10):
        while (found := await snapshots.newest(stream, Account)) is None or found.version != version:
            await asyncio.sleep(0.001)


async def test_a_snapshot_is_read_back_as_it_was(snapshots: PostgresSnapshots) -> None:
    assert await snapshots.newest(STREAM, Account) is None
    kept = snapshot_of(7, rich_account())
    snapshots.keep(STREAM, kept)
    await written(snapshots, STREAM, 7)
    assert await snapshots.newest(STREAM, Account) == kept
    assert await snapshots.newest("account.boris", Account) is None


async def test_an_older_snapshot_does_not_replace_a_newer_one(snapshots: PostgresSnapshots) -> None:
    snapshots.keep(STREAM, snapshot_of(7))
    await written(snapshots, STREAM, 7)
    snapshots.keep(STREAM, snapshot_of(6))
    snapshots.keep("account.boris", snapshot_of(1))
    await written(snapshots, "account.boris", 1)
    assert await snapshots.newest(STREAM, Account) == snapshot_of(7)
    snapshots.keep(STREAM, snapshot_of(8))
    await written(snapshots, STREAM, 8)


async def test_another_program_s_snapshot_is_none_and_is_replaced(
    snapshots: PostgresSnapshots, pool: Pool
) -> None:
    await of_program(pool, "yesterday's").write(STREAM, snapshot_of(9))
    assert await snapshots.newest(STREAM, Account) is None
    snapshots.keep(STREAM, snapshot_of(8))
    await written(snapshots, STREAM, 8)
    assert await of_program(pool, "yesterday's").newest(STREAM, Account) is None


async def test_a_state_of_another_shape_is_none(snapshots: PostgresSnapshots) -> None:
    snapshots.keep(STREAM, Snapshot(state={"free_micro": "many"}, version=1, events=1, command_id="c"))
    snapshots.keep("account.boris", snapshot_of(1))
    await written(snapshots, "account.boris", 1)
    assert await snapshots.newest(STREAM, Account) is None


async def test_without_the_database_there_is_no_snapshot(
    snapshots: PostgresSnapshots, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_AWAITED_S", 0.05)
    async with pool.connection(), pool.connection():  # All there are.
        assert await snapshots.newest(STREAM, Account) is None
    await pool.close()
    assert await snapshots.newest(STREAM, Account) is None


async def test_of_too_many_that_wait_the_oldest_are_given_up(pool: Pool) -> None:
    idle = of_program(pool, "today's")
    await idle.create()
    for number in range(WAITING_MAX + 2):
        idle.keep(f"account.{number}", snapshot_of(number))
    idle.keep("account.2", snapshot_of(1_000))
    writer = asyncio.create_task(idle.run())
    await written(idle, "account.2", 1_000)
    writer.cancel()
    kept = [await idle.newest(f"account.{number}", Account) for number in range(WAITING_MAX + 2)]
    assert [number for number, one in enumerate(kept) if one is None] == [0, 1]


def test_the_program_is_the_digest_of_what_decides_a_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {name: tmp_path / name for name in ("domain", "adapters")}
    for folder in folders.values():
        folder.mkdir()
    (folders["domain"] / "account.py").write_text("one")
    (folders["domain"] / "notes.txt").write_text("one")
    (folders["adapters"] / "codec.py").write_text("one")
    monkeypatch.setattr(module, "files", folders.__getitem__)
    digests = [program_digest()]
    for changed in ("domain/account.py", "adapters/codec.py", "domain/notes.txt"):
        (tmp_path / changed).write_text("other")
        digests.append(program_digest())
    assert len(set(digests)) == 3
    assert digests[2] == digests[3]
