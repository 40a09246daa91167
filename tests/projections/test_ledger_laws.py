"""L1 to L9: what PostgreSQL itself refuses whoever asks, and what an operator is shown when something is wrong anyway.

The table of the laws, with who enforces each on the side of the commands, is docs/books.md.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from domain.account_events import HoldSplit
from domain.ids import JobId
from projections.book_reads import SETTLING_LAG_MS, BookReads
from projections.contract import Transaction, live_schema
from projections.jobs import Jobs
from projections.ledger import ENTRIES, EntryRow, Ledger, entries_of
from projections.ledger_chain import chained
from projections.migrations import prepare
from projections.postings import Kind
from projections.read_model import read_pool
from projections.runner import connect
from tests import examples
from tests.histories import History, random_history
from tests.projections.live import catch_up
from tests.projections.test_ledger import entry, transfer

LEDGER = Ledger()
JOB = JobId("job-1")


@pytest.fixture
async def tx(module_database: str) -> AsyncIterator[Transaction]:
    """A transaction in a ledger in which a customer was granted 100; undone afterwards."""
    async with await connect(module_database, "test") as connection:
        await prepare(connection, LEDGER, live_schema(LEDGER))
        async with connection.transaction(force_rollback=True):
            await connection.execute("SET LOCAL search_path TO ledger_v1")
            await ENTRIES.insert(connection, transfer(1, "mint", "free:customer", 100))
            yield connection


async def refused(tx: Transaction, *rows: EntryRow, by: type[psycopg.Error]) -> None:
    with pytest.raises(by):
        async with tx.transaction():
            await ENTRIES.insert(tx, rows)


async def test_l1_a_transaction_whose_legs_do_not_sum_to_0_is_refused(tx: Transaction) -> None:
    wrong = (entry(2, 0, "free:customer", -2), entry(2, 1, "held:customer", 1))
    await refused(tx, *wrong, by=psycopg.errors.CheckViolation)


@pytest.mark.parametrize(
    "statement", ["UPDATE entries SET kind = 'held'", "DELETE FROM entries", "TRUNCATE entries"]
)
async def test_l2_an_entry_is_never_changed(tx: Transaction, statement: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        async with tx.transaction():
            await tx.execute(statement.encode())


async def test_l3_an_address_is_booked_once(tx: Transaction) -> None:
    await refused(tx, *transfer(1, "free:customer", "held:customer", 1), by=psycopg.errors.UniqueViolation)


@pytest.mark.parametrize(
    "kind",
    [Kind.HELD, Kind.SETTLED, Kind.RELEASED, Kind.ISLAND_EARNED, Kind.PUBLISHER_EARNED, Kind.COMPENSATED],
)
async def test_l3_a_job_has_each_kind_of_booking_once(tx: Transaction, kind: Kind) -> None:
    fields: dict[str, Any] = {"kind": kind, "job_id": JOB}
    await ENTRIES.insert(tx, transfer(2, "free:customer", "clearing", 1, **fields))
    again = transfer(3, "free:customer", "clearing", 1, **fields)
    await refused(tx, *again, by=psycopg.errors.UniqueViolation)


async def test_l3_each_part_of_a_refund_is_booked_once(tx: Transaction) -> None:
    fields: dict[str, Any] = {"kind": Kind.REFUNDED, "job_id": JOB}
    for position, part in enumerate(("island", "platform.treasury"), start=2):
        await ENTRIES.insert(tx, transfer(position, "free:customer", "fees", 1, reference=part, **fields))
    again = transfer(4, "free:customer", "fees", 1, reference="island", **fields)
    await refused(tx, *again, by=psycopg.errors.UniqueViolation)


@pytest.mark.parametrize("kind", [Kind.GRANTED, Kind.CORRECTED])
async def test_l4_credits_enter_once_for_each_reference(tx: Transaction, kind: Kind) -> None:
    fields: dict[str, Any] = {"kind": kind, "reference": "ticket-7"}
    await ENTRIES.insert(tx, transfer(2, "mint", "free:customer", 1, **fields))
    again = transfer(3, "mint", "free:customer", 1, **fields)
    await refused(tx, *again, by=psycopg.errors.UniqueViolation)


async def test_l4_a_fee_is_collected_once(tx: Transaction) -> None:
    await ENTRIES.insert(tx, transfer(2, "free:customer", "fees", 10))
    fields: dict[str, Any] = {"kind": Kind.FEES_COLLECTED, "reference": "0-2"}
    await ENTRIES.insert(tx, transfer(3, "fees", "treasury", 5, **fields))
    again = transfer(4, "fees", "treasury", 5, **fields)
    await refused(tx, *again, by=psycopg.errors.UniqueViolation)


@pytest.mark.parametrize("purse", ["free:customer", "held:x", "escrow:x", "fees", "treasury", "clearing"])
async def test_l5_nothing_but_the_mint_is_overdrawn(tx: Transaction, purse: str) -> None:
    await refused(tx, *transfer(2, purse, "free:other", 101), by=psycopg.errors.CheckViolation)


async def test_l8_a_leg_of_zero_is_refused(tx: Transaction) -> None:
    await refused(tx, *transfer(2, "free:customer", "fees", 0), by=psycopg.errors.CheckViolation)


@pytest.mark.parametrize("statement", ["UPDATE chain SET digest = ''", "DELETE FROM chain", "TRUNCATE chain"])
async def test_l9_the_chain_is_never_rewritten(tx: Transaction, statement: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        async with tx.transaction():
            await tx.execute(statement.encode())


# What an operator is shown.


async def booked(database: str, history: History, batch: int = 20) -> None:
    for projection in (Jobs(), LEDGER):
        await catch_up(database, projection, history.commits, batch=batch)


@pytest.mark.parametrize("batch", [1, 7, 1_000])
async def test_l9_the_database_and_the_log_come_to_one_digest_whatever_the_batches(
    database: str, batch: int
) -> None:
    network = random_history(10, seed=3)
    await booked(database, network, batch)
    entries = [entry for commit in network.commits for entry in entries_of(commit)]
    async with read_pool(database) as pool:
        chain = await BookReads(pool).chain()
    assert chain is not None
    assert (chain.entries, chain.digest) == (len(entries), chained(b"", entries).hex())
    changed = [replace(entries[0], amount_micro=entries[0].amount_micro + 1), *entries[1:]]
    assert chained(b"", changed).hex() != chain.digest


async def test_l6_and_l9_books_that_are_right_are_shown_to_be(database: str) -> None:
    network = random_history(10, seed=3)
    await booked(database, network)
    async with read_pool(database) as pool:
        proof = await BookReads(pool).prove(network.now_ms + 10 * SETTLING_LAG_MS)
    assert proof.is_right
    assert proof.held_for_ended_jobs_micro == {}


async def test_l6_a_hold_that_outlived_its_job_is_shown(database: str) -> None:
    history = History()
    history.add("account.customer", examples.opened(), examples.granted(), examples.held())
    history.add("job.1", examples.submitted())
    history.add("job.1", examples.failed("unplaceable"))
    await booked(database, history)
    async with read_pool(database) as pool:
        reads = BookReads(pool)
        early = await reads.prove(examples.at_ms(5))
        late = await reads.prove(examples.at_ms(6) + SETTLING_LAG_MS)
    assert early.is_right
    assert late.held_for_ended_jobs_micro == {examples.JOB_ID: examples.BID_MICRO}


async def test_l6_what_a_job_holds_follows_a_split(database: str) -> None:
    history = History()
    split = HoldSplit(
        account_id=examples.CUSTOMER,
        job_id=examples.JOB_ID,
        into_job_id=examples.OTHER_JOB_ID,
        amount_micro=2_000_000,
        split_at_ms=examples.T0_MS,
    )
    history.add("account.customer", examples.opened(), examples.granted(), examples.held(), split)
    history.add("job.1", examples.submitted())
    history.add("job.1", examples.failed("unplaceable"))
    await booked(database, history)
    async with read_pool(database) as pool:
        proof = await BookReads(pool).prove(examples.at_ms(6) + SETTLING_LAG_MS)
    assert proof.held_for_ended_jobs_micro == {examples.JOB_ID: examples.BID_MICRO - 2_000_000}


async def test_l6_a_charge_that_never_arrives_is_shown(database: str) -> None:
    history = History()
    history.add("account.customer", examples.opened(), examples.granted(), examples.held())
    history.add("account.customer", examples.settled())
    await booked(database, history)
    async with read_pool(database) as pool:
        reads = BookReads(pool)
        now_ms = history.now_ms + 2 * SETTLING_LAG_MS
        assert await reads.is_cleared(history.now_ms)
        assert not await reads.is_cleared(now_ms)
        assert (await reads.prove(now_ms)).uncleared_micro == {examples.JOB_ID: 3_600_000}
