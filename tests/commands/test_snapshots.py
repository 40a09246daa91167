"""A state from a snapshot and the rest of the log is the state of the whole log, and never of another log."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from commands import snapshots as rules
from commands.event_log import Past
from commands.handle import CommandHandler
from commands.snapshots import Snapshot, is_due
from domain.account import ACCOUNT, Account
from domain.account_commands import AccountCommand, GrantCredits, HoldCredits, OpenAccount, ReleaseHold
from domain.cargo import CARGO
from domain.decider import Decider
from domain.ids import JobId
from domain.island import ISLAND
from domain.job import JOB
from tests.commands.kept_snapshots import MemorySnapshots
from tests.examples import CUSTOMER, JOB_ID, T0_MS, assign_job, origin, submit_job
from tests.histories import random_history
from tests.memory_log import MemoryEventLog

STREAM: Final = f"account.{CUSTOMER}"
KEPT_EVERY: Final = 10


@pytest.fixture(autouse=True)
def _kept_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "UNKEPT_EVENTS_MIN", KEPT_EVERY)


class ReadLog(MemoryEventLog):
    """Remembers from where each past was loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded_after: list[int] = []

    async def load(self, stream: str, *, after: int = 0) -> Past:
        self.loaded_after.append(after)
        return await super().load(stream, after=after)


def account_commands(jobs: int, prefix: str = "j") -> Iterator[AccountCommand]:
    yield OpenAccount(account_id=CUSTOMER, name="c", now_ms=T0_MS)
    yield GrantCredits(account_id=CUSTOMER, grant_id="g", amount_micro=9, reason="sign-up", now_ms=T0_MS)
    for number in range(jobs):
        job_id = JobId(f"{prefix}-{number}")
        yield HoldCredits(account_id=CUSTOMER, job_id=job_id, amount_micro=1, now_ms=T0_MS)
        yield ReleaseHold(account_id=CUSTOMER, job_id=job_id, now_ms=T0_MS)


async def spend(handler: CommandHandler, jobs: int, *, prefix: str = "j") -> None:
    for number, command in enumerate(account_commands(jobs, prefix)):
        await handler.handle(ACCOUNT, CUSTOMER, command, origin=origin(f"{prefix}.{number}"))


async def test_a_restart_reads_only_what_a_snapshot_leaves() -> None:
    log, snapshots = ReadLog(), MemorySnapshots()
    await spend(CommandHandler(log, snapshots), jobs=12)
    log.loaded_after.clear()
    state = await CommandHandler(log, snapshots).state(ACCOUNT, CUSTOMER)
    assert state == ACCOUNT.fold((await log.load(STREAM)).events)
    assert log.loaded_after[0] == 20


async def test_a_command_that_a_snapshot_has_seen_decides_nothing_again() -> None:
    log, snapshots = ReadLog(), MemorySnapshots()
    await spend(CommandHandler(log, snapshots), jobs=12)
    recorded = list(log.commits)
    await spend(CommandHandler(log, snapshots), jobs=12)
    assert log.commits == recorded


async def test_a_snapshot_is_kept_whenever_enough_has_happened_since_the_last() -> None:
    kept: list[tuple[int, int]] = []

    class Noted(MemorySnapshots):
        def keep(self, stream: str, snapshot: Snapshot[Any]) -> None:
            kept.append((snapshot.version, snapshot.events))
            super().keep(stream, snapshot)

    log, snapshots = ReadLog(), Noted()
    await spend(CommandHandler(log, snapshots), jobs=9)
    await spend(CommandHandler(log, snapshots), jobs=15)
    assert kept == [(10, 10), (20, 20), (30, 30)]


@pytest.mark.parametrize(("kept", "due"), [(0, 10), (100, 110), (160, 170), (320, 340), (16_000, 17_000)])
def test_the_longer_a_past_the_seldomer_it_is_kept(kept: int, due: int) -> None:
    assert not is_due(due - 1, kept)
    assert is_due(due, kept)


async def test_a_snapshot_of_another_log_is_not_believed() -> None:
    """A log restored from an older copy grew anew: there are other commits where the snapshot was taken."""
    snapshots = MemorySnapshots()
    await spend(CommandHandler(ReadLog(), snapshots), jobs=12)
    restored = ReadLog()
    await spend(CommandHandler(restored), jobs=14, prefix="other")
    state = await CommandHandler(restored, snapshots).state(ACCOUNT, CUSTOMER)
    assert state == ACCOUNT.fold((await restored.load(STREAM)).events)
    assert set(state.closed_holds.layers[0]) == {f"other-{number}" for number in range(8)}


async def test_a_snapshot_beyond_the_log_s_end_is_not_believed() -> None:
    snapshots = MemorySnapshots()
    await spend(CommandHandler(ReadLog(), snapshots), jobs=12)
    assert await CommandHandler(ReadLog(), snapshots).state(ACCOUNT, CUSTOMER) == Account()


async def test_a_snapshot_of_another_program_is_not_asked_for() -> None:
    log, snapshots = ReadLog(), MemorySnapshots()
    await spend(CommandHandler(log, snapshots), jobs=12)
    snapshots.program = "tomorrow's"
    log.loaded_after.clear()
    await CommandHandler(log, snapshots).state(ACCOUNT, CUSTOMER)
    assert log.loaded_after == [0]


async def test_of_what_ends_soon_no_snapshot_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "UNKEPT_EVENTS_MIN", 1)
    snapshots = MemorySnapshots()
    handler = CommandHandler(MemoryEventLog(), snapshots)
    await handler.handle(JOB, JOB_ID, submit_job(), origin=origin("c1"))
    await handler.handle(JOB, JOB_ID, assign_job(), origin=origin("c2"))
    assert snapshots.kept == {}


@pytest.mark.parametrize("decider", [ACCOUNT, ISLAND, CARGO], ids=lambda decider: decider.category)
async def test_any_history_may_be_cut_anywhere(decider: Decider[Any, Any, Any]) -> None:
    """Every state on the way, through bytes and back, goes on as if nothing had been in between."""
    commits = random_history(60, seed=3).commits
    snapshots = MemorySnapshots()
    by_stream: dict[str, list[Any]] = {}
    for commit in commits:
        if commit.stream.startswith(f"{decider.category}."):
            by_stream.setdefault(commit.stream, []).extend(commit.events)
    assert by_stream
    for stream, events in by_stream.items():
        whole = decider.fold(events)
        for cut in range(0, len(events) + 1, 3):
            state = decider.fold(events[:cut])
            snapshots.keep(stream, Snapshot(state=state, version=cut, events=cut, command_id="c"))
            kept = await snapshots.newest(stream, type(decider.initial))
            assert kept is not None
            assert kept.state == state
            assert decider.fold(events[cut:], kept.state) == whole
