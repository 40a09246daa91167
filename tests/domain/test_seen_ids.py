"""The growing set of ids: a set in every respect, and cheap to keep."""

from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.seen_ids import SeenIds

ids = st.lists(st.text("abc", max_size=3), max_size=60)


def seen(names: list[str]) -> SeenIds:
    found = SeenIds()
    for name in names:
        found = found.with_id(name)
    return found


@for_all(ids, st.text("abc", max_size=3))
def test_it_behaves_as_a_set(names: list[str], other: str) -> None:
    found = seen(names)
    assert set(found) == set(names)
    assert len(found) == len(set(names)) == len(list(found))
    assert (other in found) == (other in set(names))


@for_all(ids)
def test_adding_leaves_the_old_set_as_it_was(names: list[str]) -> None:
    before = seen(names)
    content = set(before)
    before.with_id("new")
    assert set(before) == content
    assert "new" not in before


def test_what_is_in_it_already_makes_no_new_set() -> None:
    found = seen(["a", "b"])
    assert found.with_id("a") is found


def test_ten_thousand_ids_lie_in_layers_like_a_binary_counter() -> None:
    sizes = [len(layer) for layer in seen([str(number) for number in range(10_000)]).layers]
    assert sizes == [8192, 1024, 512, 256, 16]


@for_all(st.integers(0, 300))
def test_there_are_never_more_layers_than_digits(count: int) -> None:
    found = seen([str(number) for number in range(count)])
    assert len(found.layers) == count.bit_count()
