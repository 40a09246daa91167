"""The growing set of ids: a set in every respect, cheap to add to, and small however long it grows."""

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain import seen_ids
from domain.seen_ids import DIGEST_BYTES, SeenIds

names_of = st.text("abc", max_size=3)
ids = st.lists(names_of, max_size=60)


def seen(names: list[str]) -> SeenIds:
    found = SeenIds()
    for name in names:
        found = found.with_id(name)
    return found


@pytest.fixture(params=[4, 4_096], ids=["packed early", "packed late"])
def _packed_from(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_ids, "PACKED_FROM", request.param)
    monkeypatch.setattr(seen_ids, "PACK_BYTES_MAX", 3 * request.param * DIGEST_BYTES)


@pytest.mark.usefixtures("_packed_from")
@pytest.mark.parametrize("seed", range(40))
def test_it_behaves_as_a_set(seed: int) -> None:
    names = [f"{(number * 7_919 + seed) % 53}" for number in range(seed * 3)]
    found = seen(names)
    assert len(found) == len(set(names))
    assert {str(number) for number in range(60) if str(number) in found} == set(names)


@for_all(ids, names_of)
def test_what_was_added_is_in_it_and_nothing_else(names: list[str], other: str) -> None:
    assert (other in seen(names)) == (other in set(names))


@for_all(ids)
def test_adding_leaves_the_old_set_as_it_was(names: list[str]) -> None:
    before = seen(names)
    copy = SeenIds(before.layers, before.packs)
    before.with_id("new")
    assert before == copy
    assert "new" not in before


@pytest.mark.usefixtures("_packed_from")
def test_what_is_in_it_already_makes_no_new_set() -> None:
    found = seen(["a", "b", "c", "d", "e"])
    assert [found.with_id(name) is found for name in "abcde"] == [True] * 5


def test_young_ids_lie_in_layers_like_a_binary_counter_and_old_ones_in_packs() -> None:
    found = seen([str(number) for number in range(10_000)])
    assert [len(layer) for layer in found.layers] == [1024, 512, 256, 16]
    assert [len(pack) for pack in found.packs] == [8192 * DIGEST_BYTES]


def test_the_same_ids_in_the_same_order_make_equal_sets() -> None:
    names = [str(number) for number in range(5_000)]
    assert seen(names) == seen(names)


def test_a_pack_that_is_large_enough_is_merged_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_ids, "PACKED_FROM", 4)
    monkeypatch.setattr(seen_ids, "PACK_BYTES_MAX", 8 * DIGEST_BYTES)
    found = seen([str(number) for number in range(100)])
    assert [len(pack) // DIGEST_BYTES for pack in found.packs] == [8] * 12 + [4]
    assert all(str(number) in found for number in range(100))


def test_a_thing_that_is_no_text_is_in_no_set() -> None:
    assert 7 not in seen([str(number) for number in range(5_000)])


@for_all(st.integers(0, 300))
def test_there_are_never_more_layers_than_digits(count: int) -> None:
    found = seen([str(number) for number in range(count)])
    assert len(found.layers) == count.bit_count()
