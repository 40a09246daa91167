"""A row comes back from Postgres as the very value that went in, however many were written at once."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import pytest

from domain.ids import JobId
from projections.contract import Transaction
from projections.runner import connect
from projections.table import COPY_FROM_ROWS, NUL_SHOWN, Table


class Mood(StrEnum):
    GOOD = "good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    size: float
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    job_id: JobId
    number: int
    text: str | None = None
    is_new: bool = True
    mood: Mood | None = None
    part: Part | None = None
    names: frozenset[str] = frozenset()
    counts: Mapping[str, int] = field(default_factory=dict)


TABLE = Table(Thing, "things", key=("job_id", "number"))
PLAIN = Thing(job_id=JobId("a"), number=1)
FULL = Thing(
    job_id=JobId("b\t\\N\n"),
    number=2**60,
    text='ü "quoted" \\u0000 \U0001f3dd',
    is_new=False,
    mood=Mood.GOOD,
    part=Part(size=0.1, words=("x", "\x00", '"')),
    names=frozenset({"one", "two", "three"}),
    counts={"z": 1, "a": -(2**62)},
)


@pytest.fixture
async def tx(module_database: str) -> AsyncIterator[Transaction]:
    async with (
        await connect(module_database, "test") as connection,
        connection.transaction(force_rollback=True),
    ):
        await connection.execute(
            "CREATE TABLE things (job_id text, number bigint, text text, is_new boolean, mood text, part json, "
            "names json, counts json, later text, PRIMARY KEY (job_id, number))"
        )
        yield connection


def key(thing: Thing) -> tuple[str, int]:
    return thing.job_id, thing.number


def many(thing: Thing) -> list[Thing]:
    """As many as take the way of large batches."""
    return [thing, *(Thing(job_id=JobId("filler"), number=n) for n in range(COPY_FROM_ROWS))]


@pytest.mark.parametrize("thing", [PLAIN, FULL], ids=["plain", "full"])
@pytest.mark.parametrize("is_large", [False, True])
async def test_a_row_comes_back_as_it_was(tx: Transaction, thing: Thing, is_large: bool) -> None:
    await TABLE.write(tx, many(thing) if is_large else [thing])
    assert await TABLE.read(tx, [key(thing), ("c", 1)]) == {key(thing): thing}


@pytest.mark.parametrize("is_large", [False, True])
async def test_a_written_row_replaces_the_former(tx: Transaction, is_large: bool) -> None:
    await TABLE.write(tx, [FULL])
    bare = Thing(job_id=FULL.job_id, number=FULL.number)
    await TABLE.write(tx, many(bare) if is_large else [bare])
    assert await TABLE.read(tx, [key(FULL)]) == {key(FULL): bare}


async def test_both_ways_write_the_same_bytes(tx: Transaction) -> None:
    few, lot = replace(FULL, part=None), replace(FULL, part=None, number=7)
    await TABLE.insert(tx, [few])
    await TABLE.insert(tx, many(lot))
    found = await tx.execute(
        "SELECT job_id, text, mood, names::text, counts::text FROM things WHERE job_id <> 'filler'"
    )
    one, other = await found.fetchall()
    assert one == other
    assert one[3] == '["one","three","two"]'


@pytest.mark.parametrize("is_large", [False, True])
async def test_a_nul_in_a_text_is_shown_and_does_not_stop(tx: Transaction, is_large: bool) -> None:
    thing = replace(PLAIN, text="before\x00after")
    await TABLE.write(tx, many(thing) if is_large else [thing])
    assert (await TABLE.read(tx, [key(thing)]))[key(thing)].text == f"before{NUL_SHOWN}after"


async def test_a_column_that_a_newer_program_added_is_passed_over(tx: Transaction) -> None:
    await TABLE.write(tx, [PLAIN])
    async with tx.cursor(row_factory=TABLE.row_factory) as cursor:
        await cursor.execute("SELECT * FROM things")
        assert await cursor.fetchall() == [PLAIN]
