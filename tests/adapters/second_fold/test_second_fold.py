"""The second fold agrees with the projections on any history, and finds every planted fault at its place."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from adapters import codec
from adapters.second_fold.database import compare
from adapters.second_fold.entries import RULES, WITHOUT_ENTRIES
from adapters.second_fold.findings import Findings
from adapters.second_fold.islands import CHANGES
from adapters.second_fold.refold import KNOWN_OF_ISLANDS, refold
from commands.event_log import Commit
from domain.account_events import CreditsEarned, HoldSettled
from domain.checkpoint import CHECKPOINT, LOG, CheckpointSigned
from domain.island_events import KarmaPenalized, WorkCredited
from projections.accounts import Accounts
from projections.ledger import Ledger
from projections.placement import Placement
from tests.adapters.second_fold.recorded import recorder_of
from tests.histories import random_history
from tests.projections.live import catch_up


def quiet(_position: int) -> None:
    pass


def faults_of(commits: list[Commit]) -> list[str]:
    return refold(recorder_of(commits), quiet).findings.texts


async def compared(dsn: str, commits: list[Commit], behind: int = 0) -> Findings:
    for projection, lag in ((Ledger(), 0), (Accounts(), behind), (Placement(), 2 * behind)):
        await catch_up(dsn, projection, commits[: len(commits) - lag])
    return differences(dsn, commits)


def differences(dsn: str, commits: list[Commit]) -> Findings:
    return compare(dsn, lambda last: recorder_of(commits, up_to=last), quiet)[0]


@pytest.mark.parametrize("seed", range(6))
async def test_any_history_is_the_same_both_ways(database: str, seed: int) -> None:
    network = random_history(40, seed=seed)
    assert faults_of(network.commits) == []
    assert (await compared(database, network.commits)).texts == []


async def test_each_read_model_is_compared_where_it_stands(database: str) -> None:
    assert (await compared(database, random_history(20, seed=3).commits, behind=25)).texts == []


def test_every_event_of_books_and_islands_is_known() -> None:
    booked = {name for name in codec.EVENTS if name.startswith(("account.", "treasury."))}
    assert booked == RULES.keys() | WITHOUT_ENTRIES
    islands = {name for name in codec.EVENTS if name.startswith("island.")}
    assert islands == {name for name in CHANGES if name.startswith("island.")} | KNOWN_OF_ISLANDS


def changed(commits: list[Commit], kind: type, change: Callable[[Any], Any]) -> tuple[list[Commit], int]:
    """The history with the first event of that kind changed, and where that was."""
    for number, commit in enumerate(commits):
        if any(isinstance(event, kind) for event in commit.events):
            events = tuple(change(event) if isinstance(event, kind) else event for event in commit.events)
            return [
                *commits[:number],
                replace(commit, events=events),
                *commits[number + 1 :],
            ], commit.position
    raise AssertionError(kind)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (HoldSettled, "charged_micro"),
        (HoldSettled, "released_micro"),
        (HoldSettled, "platform_fee_micro"),
        (CreditsEarned, "amount_micro"),
        (WorkCredited, "karma"),
        (WorkCredited, "pending_minutes"),
        (KarmaPenalized, "karma_delta"),
    ],
)
def test_a_changed_amount_in_the_log_is_found_where_it_stands(kind: type, field: str) -> None:
    commits, position = changed(
        random_history(40, seed=4).commits,
        kind,
        lambda event: replace(event, **{field: getattr(event, field) + 1}),
    )
    assert any(text.endswith(f"at position {position}") for text in faults_of(commits))


async def with_checkpoint(dsn: str, commits: list[Commit], **otherwise: Any) -> list[Commit]:
    """The history, then a checkpoint with the ledger's head as PostgreSQL has it where the books stand."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        found = await (await connection.execute("SELECT position, digest FROM ledger_v1.chain")).fetchone()
    assert found is not None
    head = {"ledger_position": found[0], "ledger_digest": found[1].hex()} | otherwise
    last = commits[-1]
    signed = CheckpointSigned(
        tree_size=last.position, root="", chain_head="", signed_at_ms=1, key_id="U", signature="", **head
    )
    return [
        *commits,
        replace(last, position=last.position + 1, stream=CHECKPOINT.stream(LOG), events=(signed,)),
    ]


@pytest.mark.parametrize("behind", [0, 25])
async def test_a_checkpoint_signs_the_ledger_as_the_second_fold_has_it(database: str, behind: int) -> None:
    commits = random_history(30, seed=5).commits
    await catch_up(database, Ledger(), commits[: len(commits) - behind])
    assert faults_of(await with_checkpoint(database, commits)) == []


@pytest.mark.parametrize(
    "wrong", [{"ledger_digest": "00" * 32}, {"ledger_position": 1}, {"ledger_digest": ""}]
)
async def test_a_wrong_ledger_is_found_though_it_was_signed(database: str, wrong: dict[str, Any]) -> None:
    commits = random_history(30, seed=5).commits
    await catch_up(database, Ledger(), commits)
    (told,) = faults_of(await with_checkpoint(database, commits, **wrong))
    assert told.startswith("checkpoint: the ledger's head at position ")
    assert told.endswith(f"by the second fold, at position {commits[-1].position + 1}")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            (
                "UPDATE ledger_v1.entries SET amount_micro = amount_micro + 7"
                " WHERE (position, index, leg) = (SELECT position, index, leg FROM ledger_v1.entries"
                " WHERE kind = 'settled' ORDER BY 1, 2, 3 LIMIT 1)"
            ),
            "amount_micro is",
        ),
        (
            (
                "DELETE FROM ledger_v1.entries"
                " WHERE position = (SELECT min(position) FROM ledger_v1.entries WHERE kind = 'held')"
            ),
            "is missing in PostgreSQL",
        ),
        (
            (
                "INSERT INTO ledger_v1.entries SELECT position, 99, leg, account, account_id, 7, kind, job_id || 'x',"
                " island_id, reference, original, price_rules_version, effective_at_ms, posted_at_ms"
                " FROM ledger_v1.entries"
                " WHERE kind = 'held' AND leg = 1 ORDER BY position LIMIT 1"
            ),
            "not in the log",
        ),
        (
            "UPDATE ledger_v1.balances SET amount_micro = amount_micro + 1 WHERE account = 'fees'",
            "balance fees",
        ),
        ("UPDATE ledger_v1.chain SET digest = sha256('')", "digest is"),
        (
            "UPDATE accounts_v1.accounts SET free_micro = free_micro + 1 WHERE account_id = 'account-1'",
            "free is",
        ),
        ("DELETE FROM accounts_v1.accounts WHERE account_id = 'account-1'", "in the log alone"),
        ("UPDATE placement_v1.islands SET karma = karma + 1 WHERE island_id = 'island-1'", "karma is"),
        (
            "UPDATE placement_v1.islands SET jobs_failed = 99 WHERE island_id = 'island-1'",
            "jobs_failed is 99",
        ),
    ],
)
async def test_a_changed_row_in_postgres_is_found(database: str, statement: str, told: str) -> None:
    network = random_history(30, seed=5)
    assert (await compared(database, network.commits)).texts == []
    with psycopg.connect(database) as connection:
        connection.execute(
            "SET session_replication_role = replica"
        )  # Past the triggers, as who owns the disk is.
        assert connection.execute(statement.encode()).rowcount > 0
    assert any(told in text for text in differences(database, network.commits).texts)
