"""No number comes twice, neither after a crash nor when the clock goes back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from island import claim_numbers
from island.claim_numbers import NUMBERS_FILE, ClaimNumbers
from island.state_store import StateStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    store = StateStore.open(tmp_path)
    yield store
    store.close()


def test_numbers_begin_at_the_clock_and_rise_by_one(store: StateStore) -> None:
    numbers = ClaimNumbers(store, now_ms=1_700_000_000_000)
    assert [numbers.next() for _ in range(3)] == [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_002]


@pytest.mark.parametrize("later_ms", [0, 999, 1000, 1001])
def test_a_new_process_goes_on_above_all_that_was_used(store: StateStore, later_ms: int) -> None:
    numbers = ClaimNumbers(store, now_ms=1000)
    last = max(numbers.next() for _ in range(10))
    assert ClaimNumbers(store, now_ms=later_ms).next() > last


def test_a_used_up_block_is_followed_by_another(store: StateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_numbers, "BLOCK", 4)
    numbers = ClaimNumbers(store, now_ms=1000)
    used = [numbers.next() for _ in range(10)]

    assert used == list(range(1000, 1010))
    assert store.read(NUMBERS_FILE) == b"1012"
    assert ClaimNumbers(store, now_ms=0).next() == 1012


def test_a_clock_that_is_ahead_of_the_blocks_counts(store: StateStore) -> None:
    ClaimNumbers(store, now_ms=1000).next()
    assert ClaimNumbers(store, now_ms=10_000_000).next() == 10_000_000


def test_a_damaged_file_is_replaced(store: StateStore) -> None:
    store.write(NUMBERS_FILE, b"rubbish")
    assert ClaimNumbers(store, now_ms=1000).next() == 1000
    assert ClaimNumbers(store, now_ms=0).next() > 1000
