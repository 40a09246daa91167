"""`archipelago audit check` beside a network that runs: sound as it is, and exact about what somebody changed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
import pytest

from tests.cli.commands import Said, Up, comes_true

# Past the triggers, as whoever owns the disk is.
PAST_TRIGGERS = "SET session_replication_role = replica"


@pytest.fixture(scope="module", autouse=True)
def paid_jobs(network: Up) -> list[str]:
    """Two jobs whose charges are booked."""
    words = ("job", "submit", "wasm-hash", "--input", '{"text":"checked"}', "--follow", "--json")
    jobs = [network.typed(*words).json["id"] for _ in range(2)]
    comes_true(lambda: all(settled(network, job_id) for job_id in jobs))
    return jobs


def settled(network: Up, job_id: str) -> bool:
    entries = network.typed("account", "--json").json["entries"]
    return any(entry["kind"] == "settled" and entry.get("job_id") == job_id for entry in entries)


def checked(network: Up) -> Said:
    return network.typed("audit", "check")


def test_a_network_that_runs_is_sound(network: Up) -> None:
    said = checked(network)
    assert said.code == 0, said.out
    assert "NOT SOUND" not in said.out
    found = {one["name"]: one for one in network.typed("audit", "check", "--json").json}
    assert {"positions", "second fold", "ledger", "archive"} <= found.keys()
    assert all(one["is_sound"] and one["findings"] == [] for one in found.values())


@contextmanager
def changed(network: Up, statement: LiteralString, back: LiteralString) -> Iterator[None]:
    """The database as somebody with its disk would change it, and afterwards as it was."""
    dsn = json.loads((network.root / "run" / "network.json").read_text())["postgres_dsn"]
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(PAST_TRIGGERS)
        assert connection.execute(statement).rowcount == 1
        try:
            yield
        finally:
            connection.execute(back)


def test_a_changed_amount_is_told_with_both_numbers_and_where(network: Up) -> None:
    with changed(
        network,
        "UPDATE ledger_v1.entries SET amount_micro = amount_micro + 7 WHERE leg = 0"
        " AND position = (SELECT min(position) FROM ledger_v1.entries WHERE kind = 'settled')",
        "UPDATE ledger_v1.entries SET amount_micro = amount_micro - 7 WHERE leg = 0"
        " AND position = (SELECT min(position) FROM ledger_v1.entries WHERE kind = 'settled')",
    ):
        said = checked(network)
    assert said.code == 1
    assert "NOT SOUND" in said.out
    [finding] = [line for line in said.out.splitlines() if "amount_micro is" in line]
    assert "in PostgreSQL and" in finding
    assert "at position" in finding
    assert checked(network).code == 0


def test_an_entry_that_somebody_took_out_is_told(network: Up) -> None:
    with changed(
        network,
        "UPDATE ledger_v1.entries SET leg = 90 WHERE leg = 0"
        " AND position = (SELECT min(position) FROM ledger_v1.entries WHERE kind = 'settled')",
        "UPDATE ledger_v1.entries SET leg = 0 WHERE leg = 90",
    ):
        said = checked(network)
    assert said.code == 1
    assert "is missing in PostgreSQL" in said.out
    assert "is in PostgreSQL and not in the log" in said.out


def test_karma_that_somebody_gave_is_told(network: Up) -> None:
    more: LiteralString = "UPDATE placement_v1.islands SET karma = karma + 5"
    with changed(network, more, "UPDATE placement_v1.islands SET karma = karma - 5"):
        said = checked(network)
    assert said.code == 1
    assert "karma is 5 in PostgreSQL and 0 by the second fold" in said.out


def test_a_commit_that_somebody_changed_in_the_archive_is_told_with_its_position(network: Up) -> None:
    with changed(
        network,
        "UPDATE archive.commit_archive SET body = body || ' ' WHERE position = 3",
        "UPDATE archive.commit_archive SET body = substr(body, 1, length(body) - 1) WHERE position = 3",
    ):
        said = checked(network)
    assert said.code == 1
    assert "archive: position 3: differs between log and archive" in said.out
