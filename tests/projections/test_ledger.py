"""The books balance: every event is a balanced transaction, and Postgres itself refuses what must not be."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from domain.account_events import AccountEvent, CreditsEarned, EscrowReleased, HoldReleased
from domain.ids import AccountId, IslandId, JobId
from projections.contract import CommitRefused, Transaction, live_schema
from projections.ledger import ENTRIES, EntryRow, Ledger, entries_of
from projections.migrations import prepare
from projections.postings import Kind, posting_of
from projections.runner import Runner, connect
from tests import examples
from tests.histories import History, random_history
from tests.projections.live import catch_up, reading

LEDGER = Ledger()
BID = examples.BID_MICRO
RELEASED = HoldReleased(
    account_id=examples.CUSTOMER, job_id=examples.JOB_ID, released_micro=BID, released_at_ms=examples.T0_MS
)


def earned(island_id: IslandId | None, *, escrowed: bool) -> CreditsEarned:
    return CreditsEarned(
        account_id=examples.OWNER,
        job_id=examples.JOB_ID,
        island_id=island_id,
        amount_micro=3_400_000,
        escrowed=escrowed,
        earned_at_ms=examples.T0_MS,
    )


def escrow_released(amount_micro: int) -> EscrowReleased:
    return EscrowReleased(
        account_id=examples.OWNER,
        island_id=examples.ISLAND,
        amount_micro=amount_micro,
        released_at_ms=examples.T0_MS,
    )


POSTINGS: list[tuple[AccountEvent, Kind, dict[str, int]]] = [
    (examples.granted(9), Kind.GRANTED, {"mint": -9, "free:customer": 9}),
    (examples.held(), Kind.HELD, {"free:customer": -BID, "held:customer": BID}),
    (
        examples.settled(),
        Kind.SETTLED,
        {"held:customer": -BID, "free:customer": 1_000_000, "fees": 400_000, "clearing": 3_600_000},
    ),
    (
        examples.settled(charged_micro=BID, released_micro=0, platform_fee_micro=0, island_micro=4_800_000),
        Kind.SETTLED,
        {"held:customer": -BID, "clearing": BID},
    ),
    (RELEASED, Kind.RELEASED, {"held:customer": -BID, "free:customer": BID}),
    (
        earned(examples.ISLAND, escrowed=True),
        Kind.ISLAND_EARNED,
        {"clearing": -3_400_000, "escrow:owner": 3_400_000},
    ),
    (
        earned(examples.ISLAND, escrowed=False),
        Kind.ISLAND_EARNED,
        {"clearing": -3_400_000, "free:owner": 3_400_000},
    ),
    (earned(None, escrowed=False), Kind.PUBLISHER_EARNED, {"clearing": -3_400_000, "free:owner": 3_400_000}),
    (escrow_released(5), Kind.ESCROW_RELEASED, {"escrow:owner": -5, "free:owner": 5}),
]


def entries(*events: Any) -> list[EntryRow]:
    return list(entries_of(History().add("account.customer", *events)))


@pytest.mark.parametrize(("event", "kind", "legs"), POSTINGS, ids=lambda value: getattr(value, "value", None))
def test_every_movement_is_a_balanced_transaction(
    event: AccountEvent, kind: Kind, legs: dict[str, int]
) -> None:
    rows = entries(event)
    assert {row.account: row.amount_micro for row in rows} == legs
    assert sum(legs.values()) == 0
    assert {row.kind for row in rows} == {kind}
    assert [row.leg for row in rows] == list(range(len(legs)))


def test_an_entry_says_whose_it_is_what_for_and_when() -> None:
    settled = {row.account: row for row in entries(examples.settled())}
    assert {account: row.account_id for account, row in settled.items()} == {
        "held:customer": "customer",
        "free:customer": "customer",
        "fees": None,
        "clearing": None,
    }
    row = settled["fees"]
    assert (row.job_id, row.island_id, row.price_rules_version) == (examples.JOB_ID, examples.ISLAND, 2)
    assert (row.effective_at_ms, row.posted_at_ms) == (examples.at_ms(6), examples.T0_MS)
    assert entries(examples.granted())[0].reference == "sign-up"


def test_what_moves_nothing_is_not_booked() -> None:
    assert posting_of(examples.opened()) is None
    assert entries(examples.opened(), escrow_released(0), examples.submitted()) == []


def test_several_events_of_a_commit_are_several_transactions() -> None:
    rows = entries(examples.opened(), examples.granted(), examples.held())
    assert [(row.index, row.leg) for row in rows] == [(1, 0), (1, 1), (2, 0), (2, 1)]


# What the database refuses.


@pytest.fixture
async def tx(module_database: str) -> AsyncIterator[Transaction]:
    """A transaction in a ledger in which a customer was granted 100; undone afterwards."""
    async with await connect(module_database, "test") as connection:
        await prepare(connection, LEDGER, live_schema(LEDGER))
        async with connection.transaction(force_rollback=True):
            await connection.execute("SET LOCAL search_path TO ledger_v1")
            await post(connection, transfer(1, "mint", "free:customer", 100))
            yield connection


async def post(tx: Transaction, rows: Sequence[EntryRow]) -> None:
    """Inserts entries, or nothing where one of them is refused."""
    async with tx.transaction():
        await ENTRIES.insert(tx, rows)


def entry(position: int, leg: int, account: str, amount_micro: int, **fields: Any) -> EntryRow:
    plain = EntryRow(
        position=position,
        index=0,
        leg=leg,
        account=account,
        account_id=AccountId(account.partition(":")[2]) or None,
        amount_micro=amount_micro,
        kind=Kind.HELD,
        job_id=None,
        island_id=None,
        reference=None,
        price_rules_version=None,
        effective_at_ms=1,
        posted_at_ms=1,
    )
    return replace(plain, **fields)


def transfer(position: int, source: str, target: str, amount_micro: int, **fields: Any) -> list[EntryRow]:
    return [
        entry(position, 0, source, -amount_micro, **fields),
        entry(position, 1, target, amount_micro, **fields),
    ]


async def balance(tx: Transaction, account: str) -> int:
    found = await (
        await tx.execute("SELECT amount_micro FROM balances WHERE account = %s", (account,))
    ).fetchone()
    return 0 if found is None else int(found[0])


async def test_balances_follow_the_entries(tx: Transaction) -> None:
    await post(tx, transfer(2, "free:customer", "held:customer", 30))
    assert [await balance(tx, name) for name in ("mint", "free:customer", "held:customer")] == [-100, 70, 30]


@pytest.mark.parametrize("filler", [0, 100], ids=["few", "many"])
async def test_a_transaction_that_does_not_sum_to_zero_is_refused(tx: Transaction, filler: int) -> None:
    balanced = [leg for n in range(filler) for leg in transfer(10 + n, "free:customer", "held:customer", 1)]
    wrong = [entry(2, 0, "free:customer", -30), entry(2, 1, "held:customer", 29)]
    with pytest.raises(psycopg.errors.CheckViolation, match=r"transaction 2\.0 sums to -1, not to 0"):
        await post(tx, [*balanced, *wrong])
    assert await balance(tx, "free:customer") == 100


async def test_two_wrong_transactions_do_not_make_a_right_one(tx: Transaction) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="sums to"):
        await post(tx, [entry(2, 0, "free:customer", -30), entry(3, 0, "held:customer", 30)])


@pytest.mark.parametrize("source", ["free:customer", "held:customer", "escrow:customer", "fees", "clearing"])
async def test_no_balance_goes_below_zero(tx: Transaction, source: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match=f"brings {source} to -"):
        await post(tx, transfer(2, source, "free:other", 101))


async def test_only_the_mint_is_below_zero(tx: Transaction) -> None:
    await post(tx, transfer(2, "mint", "free:customer", 1_000))
    assert await balance(tx, "mint") == -1_100


async def test_an_overdraft_inside_a_batch_is_refused_even_if_the_batch_makes_up_for_it(
    tx: Transaction,
) -> None:
    spent_first = [
        *transfer(2, "free:customer", "held:customer", 150),
        *transfer(3, "mint", "free:customer", 200),
    ]
    with pytest.raises(psycopg.errors.CheckViolation, match=r"transaction 2\.0 brings free:customer to -50"):
        await post(tx, spent_first)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET amount_micro = 1",
        "DELETE FROM entries",
        "TRUNCATE entries",
        "UPDATE balances SET amount_micro = 1000000",
        "DELETE FROM balances",
        "INSERT INTO balances VALUES ('free:thief', 1, 1)",
        "TRUNCATE balances",
    ],
)
async def test_books_are_never_rewritten(tx: Transaction, statement: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="is never changed by"):
        async with tx.transaction():
            await tx.execute(statement.encode())
    assert await balance(tx, "free:customer") == 100


JOB = JobId("job-1")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Kind.HELD, Kind.HELD),
        (Kind.SETTLED, Kind.SETTLED),
        (Kind.SETTLED, Kind.RELEASED),
        (Kind.RELEASED, Kind.SETTLED),
        (Kind.ISLAND_EARNED, Kind.ISLAND_EARNED),
        (Kind.PUBLISHER_EARNED, Kind.PUBLISHER_EARNED),
    ],
)
async def test_nothing_is_booked_twice_for_a_job(tx: Transaction, first: Kind, second: Kind) -> None:
    await post(tx, transfer(2, "free:customer", "fees", 1, kind=first, job_id=JOB))
    with pytest.raises(psycopg.errors.UniqueViolation):
        await post(tx, transfer(3, "free:customer", "fees", 1, kind=second, job_id=JOB))


async def test_each_stage_of_a_job_is_booked_once(tx: Transaction) -> None:
    for position, kind in enumerate(
        (Kind.HELD, Kind.SETTLED, Kind.ISLAND_EARNED, Kind.PUBLISHER_EARNED), start=2
    ):
        await post(tx, transfer(position, "free:customer", "fees", 1, kind=kind, job_id=JOB))
    assert await balance(tx, "fees") == 4


async def test_a_grant_enters_the_books_once(tx: Transaction) -> None:
    granted = {"kind": Kind.GRANTED, "reference": "sign-up"}
    await post(tx, transfer(2, "mint", "free:customer", 5, **granted))
    await post(tx, transfer(3, "mint", "free:other", 5, **granted))
    with pytest.raises(psycopg.errors.UniqueViolation):
        await post(tx, transfer(4, "mint", "free:customer", 5, **granted))


async def test_a_leg_of_zero_is_refused(tx: Transaction) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        await post(tx, transfer(2, "free:customer", "fees", 0))


async def test_a_refused_transaction_stops_the_ledger_and_names_the_commit(database: str) -> None:
    history = History()
    history.add("account.customer", examples.opened(), examples.granted(100))
    history.add("account.customer", examples.held(101))
    with pytest.raises(
        CommitRefused, match=r"commit 2 on account\.customer cannot be applied: .*to -1, below 0"
    ):
        await Runner(database, LEDGER).run_forever(lambda after: history.read(after=after))
    async with reading(database, projections=[]) as reads:
        assert (await reads.positions())["ledger"] == 1


@pytest.mark.parametrize("batch", [20, 1_000])
async def test_the_books_of_a_network_balance(database: str, batch: int) -> None:
    network = random_history(30, seed=5)
    await catch_up(database, LEDGER, network.commits, batch=batch)
    async with reading(database, network.commits) as reads:
        balances = await reads.balances()
        assert (await reads.ledger_sum(), await reads.unexplained_balances()) == (0, {})
        assert balances["clearing"] == 0
        assert balances["fees"] > 0
        assert sum(balances.values()) == 0
        for account_id in (f"account-{n}" for n in range(5)):
            row = await reads.account(AccountId(account_id))
            assert row is not None
            assert (row.free_micro, row.held_micro, row.escrow_micro) == tuple(
                balances.get(f"{part}:{account_id}", 0) for part in ("free", "held", "escrow")
            )
            assert row.held_micro == 0
