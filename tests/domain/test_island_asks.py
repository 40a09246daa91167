"""Two who say what an island asks: its daemon and its owner. The newer word counts, cargo by cargo."""

from collections.abc import Mapping

import pytest

from domain.ids import AccountId
from domain.island import ISLAND as DECIDER
from domain.island_asks import ASKS_MAX
from domain.island_commands import SetAsk
from domain.island_events import AsksChanged
from domain.rejection import Rejection
from tests.examples import ISLAND, OWNER, approved, at_ms, came_online, heartbeat, joined, registered
from tests.scenario import Scenario

ONLINE = (joined(owner_id=OWNER), approved(), registered(), came_online())
island = Scenario(DECIDER)


def set_ask(slug: str, ask_micro: int, owner_id: AccountId = OWNER) -> SetAsk:
    return SetAsk(island_id=ISLAND, owner_id=owner_id, slug=slug, ask_micro=ask_micro, now_ms=at_ms(60))


def changed(asks_micro: Mapping[str, int], told_micro: Mapping[str, int] | None = None) -> AsksChanged:
    return AsksChanged(
        island_id=ISLAND, asks_micro=asks_micro, changed_at_ms=at_ms(60), told_micro=told_micro
    )


TOLD = changed({"a": 1, "b": 2})
SET = changed({"a": 9, "b": 2}, {"a": 1, "b": 2})


def test_an_owner_sets_one_ask_and_the_others_stay() -> None:
    island.given(*ONLINE, TOLD).when(set_ask("a", 9)).then(SET)
    island.given(*ONLINE, TOLD).when(set_ask("c", 3)).then(
        changed({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2})
    )
    island.given(*ONLINE, TOLD, SET).when(set_ask("a", 9)).then_nothing()


@pytest.mark.parametrize(
    ("told", "in_force"),
    [
        ({"a": 1, "b": 2}, None),  # Nothing new.
        ({"a": 1, "b": 3}, {"a": 9, "b": 3}),  # Something else is new.
        ({"a": 4, "b": 2}, {"a": 4, "b": 2}),  # The daemon's word is newer.
        ({"b": 2}, {"b": 2}),  # It asks nothing of its own for a any more.
        ({"a": 1, "b": 2, "c": 5}, {"a": 9, "b": 2, "c": 5}),
    ],
)
def test_a_daemon_is_newer_only_where_it_tells_something_else(
    told: dict[str, int], in_force: dict[str, int] | None
) -> None:
    beat = heartbeat(asks_micro=told, now_ms=at_ms(60))
    if in_force is None:
        island.given(*ONLINE, TOLD, SET).when(beat).then_nothing()
    else:
        expected = changed(in_force, None if told == in_force else told)
        island.given(*ONLINE, TOLD, SET).when(beat).then(expected)
        island.given(*ONLINE, TOLD, SET, expected).when(beat).then_nothing()


def test_an_ask_that_only_the_owner_set_outlives_what_the_daemon_tells() -> None:
    only_owner = changed({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2})
    beat = heartbeat(asks_micro={"a": 4, "b": 2}, now_ms=at_ms(60))
    expected = changed({"a": 4, "b": 2, "c": 3}, {"a": 4, "b": 2})
    island.given(*ONLINE, TOLD, only_owner).when(beat).then(expected)


def test_asks_from_before_owners_could_set_them_are_the_daemon_s() -> None:
    state = DECIDER.fold([*ONLINE, TOLD])
    assert state.told_asks_micro == state.asks_micro == {"a": 1, "b": 2}


def test_only_the_owner_sets_an_ask() -> None:
    stranger = set_ask("a", 9, AccountId("stranger"))
    island.given(*ONLINE).when(stranger).then_rejected(Rejection.OWNER_DIFFERS)


def test_asks_are_bounded() -> None:
    many = changed({f"cargo-{number}": 1 for number in range(ASKS_MAX)})
    island.given(*ONLINE, many).when(set_ask("one-more", 1)).then_rejected(Rejection.ASKS_EXCEEDED)
    assert len(island.given(*ONLINE, many).when(set_ask("cargo-0", 2)).decided()) == 1
