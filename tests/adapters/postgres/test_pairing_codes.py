"""A pairing code names one island, works once, dies in time, and cannot be guessed. Against a real database."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.postgres import pairing_codes
from adapters.postgres.pairing_codes import (
    ALPHABET,
    CODE_CHARACTERS,
    EXPIRED_DELETED_MAX,
    LIFE_MS,
    TRIES_WINDOW_MS,
    WRONG_TRIES_MAX,
    PairingCode,
    PairingCodes,
    TooManyTries,
    drawn,
)
from domain.ids import AccountId, IslandId

pytestmark = pytest.mark.asyncio(loop_scope="module")

Pool = AsyncConnectionPool[AsyncConnection[Any]]
NOW_MS = 1_800_000_000_000
ANNA, BORIS = AccountId("anna"), AccountId("boris")
_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    name = "test_pairing_codes"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        dsn = f"{postgres_dsn.rpartition('/')[0]}/{name}"
        async with AsyncConnectionPool[AsyncConnection[Any]](
            dsn, min_size=1, max_size=8, open=False, kwargs={"autocommit": True}
        ) as pool:
            yield pool
        connection.execute(f"drop database {name} with (force)".encode())


@pytest_asyncio.fixture(loop_scope="module")
async def codes(pool: Pool) -> PairingCodes:
    codes = PairingCodes(pool)
    await codes.create()
    async with pool.connection() as connection:
        await connection.execute("truncate pairing_code, pairing_tries")
    return codes


@pytest.fixture
def island() -> IslandId:
    return IslandId(f"island-{next(_numbers)}")


async def rows(pool: Pool) -> tuple[int, int]:
    """How many codes and how many accounts that tried are kept."""
    question = "select (select count(*) from pairing_code), (select count(*) from pairing_tries)"
    async with pool.connection() as connection:
        found = await (await connection.execute(question)).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


async def test_a_code_is_taken_once(codes: PairingCodes, island: IslandId) -> None:
    issued = await codes.code_of(island, now_ms=NOW_MS)
    assert await codes.take(issued.code, ANNA, now_ms=NOW_MS + 1) == island
    assert await codes.take(issued.code, ANNA, now_ms=NOW_MS + 2) is None


async def test_asking_again_repeats_the_code_until_it_dies(codes: PairingCodes, island: IslandId) -> None:
    first = await codes.code_of(island, now_ms=NOW_MS)
    assert first.expires_at_ms == NOW_MS + LIFE_MS
    assert await codes.code_of(island, now_ms=NOW_MS + LIFE_MS - 1) == first
    second = await codes.code_of(island, now_ms=NOW_MS + LIFE_MS)
    assert second.expires_at_ms == NOW_MS + 2 * LIFE_MS
    assert second.code != first.code
    assert await codes.take(first.code, ANNA, now_ms=NOW_MS + LIFE_MS + 1) is None
    assert await codes.take(second.code, ANNA, now_ms=NOW_MS + LIFE_MS + 1) == island


async def test_a_dead_code_is_not_taken(codes: PairingCodes, island: IslandId) -> None:
    issued = await codes.code_of(island, now_ms=NOW_MS)
    assert await codes.take(issued.code, ANNA, now_ms=issued.expires_at_ms) is None
    assert await codes.take(issued.code, ANNA, now_ms=issued.expires_at_ms - 1) == island


async def test_of_two_owners_with_one_code_one_wins(codes: PairingCodes, island: IslandId) -> None:
    issued = await codes.code_of(island, now_ms=NOW_MS)
    takers = [AccountId(f"taker-{number}") for number in range(8)]
    answers = await asyncio.gather(*(codes.take(issued.code, taker, now_ms=NOW_MS) for taker in takers))
    assert sorted(answers, key=str) == [*[None] * 7, island]


async def test_islands_that_ask_at_once_get_codes_of_their_own(codes: PairingCodes) -> None:
    islands = [IslandId(f"crowd-{number}") for number in range(20)]
    issued = await asyncio.gather(*(codes.code_of(island, now_ms=NOW_MS) for island in islands * 2))
    assert len({one.code for one in issued}) == len(islands)
    assert issued[: len(islands)] == issued[len(islands) :]


async def test_a_code_that_is_in_use_is_drawn_again(
    codes: PairingCodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws = iter(["AAAAAA", "AAAAAA", "BBBBBB"])
    monkeypatch.setattr(pairing_codes, "drawn", lambda: next(draws))
    first = await codes.code_of(IslandId("first"), now_ms=NOW_MS)
    second = await codes.code_of(IslandId("second"), now_ms=NOW_MS)
    assert (first.code, second.code) == ("AAAAAA", "BBBBBB")


async def test_after_five_wrong_tries_even_the_right_code_is_refused(
    codes: PairingCodes, island: IslandId
) -> None:
    issued = await codes.code_of(island, now_ms=NOW_MS)
    for number in range(WRONG_TRIES_MAX):
        assert await codes.take("WRONG2", ANNA, now_ms=NOW_MS + number) is None
    with pytest.raises(TooManyTries) as refused:
        await codes.take(issued.code, ANNA, now_ms=NOW_MS + 5)
    assert refused.value.retry_after_ms == TRIES_WINDOW_MS - 5
    assert await codes.take(issued.code, BORIS, now_ms=NOW_MS + 5) == island


async def test_a_wrong_try_is_forgotten_ten_minutes_later(codes: PairingCodes) -> None:
    for number in range(WRONG_TRIES_MAX):
        await codes.take("WRONG2", ANNA, now_ms=NOW_MS + number)
    later_ms = NOW_MS + TRIES_WINDOW_MS
    assert await codes.take("WRONG2", ANNA, now_ms=later_ms) is None
    with pytest.raises(TooManyTries):  # The four others are still counted.
        await codes.take("WRONG2", ANNA, now_ms=later_ms)


async def test_right_codes_are_not_counted(codes: PairingCodes) -> None:
    for number in range(2 * WRONG_TRIES_MAX):
        issued = await codes.code_of(IslandId(f"own-{number}"), now_ms=NOW_MS)
        assert await codes.take(issued.code, ANNA, now_ms=NOW_MS) is not None


async def test_guessing_side_by_side_gains_nothing(codes: PairingCodes, pool: Pool) -> None:
    looked_up = 0

    async def guess() -> None:
        nonlocal looked_up
        with suppress(TooManyTries):
            await codes.take("WRONG2", ANNA, now_ms=NOW_MS)
            looked_up += 1

    await asyncio.gather(*(guess() for _ in range(40)))
    assert looked_up == WRONG_TRIES_MAX


async def test_what_is_over_is_deleted_a_bounded_number_at_a_time(codes: PairingCodes, pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            "insert into pairing_code select 'old-' || n, 'OLD' || n, %s from generate_series(1, %s) n",
            (NOW_MS, EXPIRED_DELETED_MAX + 1),
        )
        await connection.execute(
            "insert into pairing_tries select 'old-' || n, '{}', %s from generate_series(1, %s) n",
            (NOW_MS, EXPIRED_DELETED_MAX + 1),
        )
    await codes.code_of(IslandId("new"), now_ms=NOW_MS)
    await codes.take("WRONG2", ANNA, now_ms=NOW_MS)
    assert await rows(pool) == (2, 2)


async def test_making_the_tables_again_changes_nothing(codes: PairingCodes, island: IslandId) -> None:
    issued = await codes.code_of(island, now_ms=NOW_MS)
    await codes.create()
    assert await codes.code_of(island, now_ms=NOW_MS) == issued


STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from([1, LIFE_MS // 2, LIFE_MS])), max_size=12
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_a_code_in_force_names_one_island_whatever_happened(
    codes: PairingCodes, pool: Pool, steps: list[tuple[int, bool, int]]
) -> None:
    async with pool.connection() as connection:
        await connection.execute("truncate pairing_code, pairing_tries")
    shown: dict[int, PairingCode] = {}
    now_ms = NOW_MS
    for number, is_taking, passed_ms in steps:
        now_ms += passed_ms
        shown = {island: code for island, code in shown.items() if now_ms < code.expires_at_ms}
        if is_taking and number in shown:
            taken = await codes.take(shown.pop(number).code, ANNA, now_ms=now_ms)
            assert taken == f"island-{number}"
        else:
            issued = await codes.code_of(IslandId(f"island-{number}"), now_ms=now_ms)
            assert issued == shown.get(number, issued)
            shown[number] = issued
        assert len({one.code for one in shown.values()}) == len(shown)


async def test_a_code_is_made_of_what_nobody_misreads() -> None:
    code = drawn()
    assert len(code) == CODE_CHARACTERS
    assert set(code) <= set(ALPHABET)
    assert not set(ALPHABET) & set("IO01")
