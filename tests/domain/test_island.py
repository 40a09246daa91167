"""What an island offers and whether it can be reached, as sentences."""

from dataclasses import replace

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.island import ISLAND as ISLAND_DECIDER
from domain.island_commands import (
    EnrolIsland,
    IslandCommand,
    MarkOffline,
    RegisterIsland,
)
from domain.island_events import (
    Absence,
    AsksChanged,
    DrainEnded,
    DrainStarted,
    IslandEvent,
    IslandWentOffline,
    RuntimeOffer,
    RuntimesChanged,
    WarmCargosChanged,
)
from domain.rejection import Rejection
from tests.examples import (
    CAPABILITIES,
    ISLAND,
    OWNER,
    T0_MS,
    USER_KEY,
    approved,
    at_ms,
    came_online,
    enrolled,
    heartbeat,
    joined,
    ready_island,
    registered,
    removed,
)
from tests.scenario import Scenario, added

island = Scenario(ISLAND_DECIDER)
enrol = EnrolIsland(island_id=ISLAND, owner_id=OWNER, name=ISLAND, user_key=USER_KEY, now_ms=T0_MS)
register = RegisterIsland(
    island_id=ISLAND,
    agent_version="0.1.0",
    protocol=2,
    capabilities=CAPABILITIES,
    asks_micro={},
    now_ms=T0_MS,
)
went_offline = IslandWentOffline(island_id=ISLAND, reason=Absence.GOODBYE, offline_at_ms=at_ms(10))


# Coming and going.


def test_an_enrolled_island_is_approved_at_once() -> None:
    island.given().when(enrol).then(*enrolled())
    island.given(*enrolled()).when(enrol).then_nothing()


@pytest.mark.parametrize(
    "command",
    [register, heartbeat(), MarkOffline(island_id=ISLAND, now_ms=T0_MS)],
    ids=lambda command: type(command).__name__,
)
def test_an_island_that_nobody_enrolled_is_unknown(command: IslandCommand) -> None:
    island.given().when(command).then_rejected(Rejection.ISLAND_UNKNOWN)


def test_a_registration_is_recorded_when_it_says_something_new() -> None:
    island.given(*enrolled()).when(register).then(registered())
    island.given(*enrolled(), registered()).when(register).then_nothing()
    upgraded = replace(register, agent_version="0.2.0")
    island.given(*enrolled(), registered()).when(upgraded).then(replace(registered(), agent_version="0.2.0"))
    grown = replace(register, capabilities=replace(CAPABILITIES, ram_mb=800))
    island.given(*enrolled(), registered()).when(grown).then(registered(ram_mb=800))


def test_asks_change_by_registration_and_by_heartbeat() -> None:
    asks = {"_default": 7}
    changed = AsksChanged(island_id=ISLAND, asks_micro=asks, changed_at_ms=T0_MS)
    island.given(*enrolled(), registered()).when(replace(register, asks_micro=asks)).then(changed)
    island.given(*ready_island(), changed).when(heartbeat(asks_micro=asks)).then_nothing()
    island.given(*ready_island(), changed).when(heartbeat()).then(
        AsksChanged(island_id=ISLAND, asks_micro={}, changed_at_ms=at_ms(10))
    )


def test_the_first_heartbeat_brings_an_island_online_and_the_next_ones_say_nothing() -> None:
    island.given(*enrolled(), registered()).when(heartbeat()).then(came_online(seconds=10))
    island.given(*ready_island()).when(heartbeat(seconds=20)).then_nothing()


def test_a_goodbye_takes_an_island_offline_at_once() -> None:
    goodbye = heartbeat(is_leaving=True)
    island.given(*ready_island()).when(goodbye).then(went_offline)
    island.given(*ready_island(), went_offline).when(goodbye).then_nothing()
    island.given(*ready_island(), went_offline).when(heartbeat(seconds=20)).then(came_online(seconds=20))


def test_missed_heartbeats_take_an_island_offline_once() -> None:
    mark = MarkOffline(island_id=ISLAND, now_ms=at_ms(10))
    missed = replace(went_offline, reason=Absence.HEARTBEATS_MISSED)
    island.given(*ready_island()).when(mark).then(missed)
    island.given(*ready_island(), missed).when(mark).then_nothing()


def test_an_old_heartbeat_that_is_delivered_again_brings_no_silent_island_back() -> None:
    silent = replace(went_offline, offline_at_ms=at_ms(60), reason=Absence.HEARTBEATS_MISSED)
    island.given(*ready_island(), silent).when(heartbeat(seconds=20)).then_nothing()
    island.given(*ready_island(), silent).when(heartbeat(seconds=70)).then(came_online(seconds=70))


def test_what_an_island_said_before_counts_no_more_when_it_arrives_later() -> None:
    asks = AsksChanged(island_id=ISLAND, asks_micro={"_default": 7}, changed_at_ms=at_ms(20))
    told = island.given(*ready_island(), asks)
    for says_more in ({"is_leaving": True}, {"is_draining": True}, {"warm_slugs": ("wasm-hash",)}):
        told.when(heartbeat(seconds=19, **says_more)).then_nothing()
    told.when(replace(register, agent_version="0.0.9", now_ms=at_ms(19))).then_nothing()
    told.when(heartbeat(seconds=21)).then(replace(asks, asks_micro={}, changed_at_ms=at_ms(21)))


def test_an_island_that_joins_again_is_not_online_by_what_it_said_before() -> None:
    again = joined(owner_id=OWNER, enrolled_at_ms=at_ms(30))
    rejoined = island.given(*ready_island(), removed(), again, approved(seconds=30))
    rejoined.when(heartbeat(seconds=29)).then_nothing()
    rejoined.when(heartbeat(seconds=31)).then(came_online(seconds=31))


def test_draining_starts_and_ends_once() -> None:
    draining = DrainStarted(island_id=ISLAND, drained_at_ms=at_ms(10))
    island.given(*ready_island()).when(heartbeat(is_draining=True)).then(draining)
    island.given(*ready_island(), draining).when(heartbeat(is_draining=True)).then_nothing()
    ended = DrainEnded(island_id=ISLAND, resumed_at_ms=at_ms(10))
    island.given(*ready_island(), draining).when(heartbeat()).then(ended)
    island.given(*ready_island(), draining, ended).when(heartbeat()).then_nothing()


def test_runtimes_named_in_heartbeats_are_recorded_when_they_change() -> None:
    other = RuntimeOffer(runtime="container", engine="unknown", engine_version="", score=0)
    changed = RuntimesChanged(island_id=ISLAND, runtimes=(other,), changed_at_ms=at_ms(10))
    island.given(*ready_island()).when(heartbeat(runtimes=(other,))).then(changed)
    island.given(*ready_island(), changed).when(heartbeat(runtimes=(other,))).then_nothing()
    island.given(*ready_island(), changed).when(heartbeat(runtimes=())).then(replace(changed, runtimes=()))
    for says_nothing in (heartbeat(), heartbeat(runtimes=CAPABILITIES.runtimes)):
        island.given(*ready_island()).when(says_nothing).then_nothing()


def test_the_gpu_and_the_formats_that_heartbeats_tell_outlive_another_registration() -> None:
    beat = heartbeat(runtimes=CAPABILITIES.runtimes, gpu_bandwidth_mb_s=936_200, formats=("gguf",))
    changed = RuntimesChanged(
        island_id=ISLAND,
        runtimes=CAPABILITIES.runtimes,
        gpu_bandwidth_mb_s=936_200,
        formats=("gguf",),
        changed_at_ms=at_ms(10),
    )
    island.given(*ready_island()).when(beat).then(changed)
    told = island.given(*ready_island(), changed)
    told.when(beat).then_nothing()
    told.when(replace(register, protocol=1, now_ms=at_ms(11))).then_nothing()


def test_runtimes_named_before_it_has_registered_wait_for_the_next_heartbeat() -> None:
    beat = heartbeat(runtimes=CAPABILITIES.runtimes)
    island.given(*enrolled(), came_online()).when(beat).then_nothing()


def test_an_island_of_the_first_dialect_registers_again_without_losing_what_its_heartbeats_told() -> None:
    asks = AsksChanged(island_id=ISLAND, asks_micro={"_default": 7}, changed_at_ms=T0_MS)
    bare = replace(CAPABILITIES, runtimes=())
    again = replace(register, capabilities=bare)
    told = island.given(*ready_island(), asks)
    told.when(replace(again, protocol=1)).then_nothing()
    told.when(again).then(registered(runtimes=()), replace(asks, asks_micro={}))


def test_warm_cargos_are_recorded_when_they_change() -> None:
    warm = WarmCargosChanged(island_id=ISLAND, slugs=("wasm-hash",), changed_at_ms=at_ms(10))
    island.given(*ready_island()).when(heartbeat(warm_slugs=("wasm-hash",))).then(warm)
    island.given(*ready_island(), warm).when(heartbeat(warm_slugs=("wasm-hash",))).then_nothing()
    island.given(*ready_island(), warm).when(heartbeat()).then(replace(warm, slugs=()))


# A law.

visits: st.SearchStrategy[IslandCommand] = st.one_of(
    st.just(register),
    st.just(MarkOffline(island_id=ISLAND, now_ms=at_ms(10))),
    st.builds(
        lambda leaving, draining, asks: heartbeat(is_leaving=leaving, is_draining=draining, asks_micro=asks),
        st.booleans(),
        st.booleans(),
        st.sampled_from([{}, {"_default": 7}]),
    ),
)


@for_all(st.lists(visits, min_size=8, max_size=30))
def test_every_visit_decides_nothing_when_repeated_at_once(script: list[IslandCommand]) -> None:
    past: list[IslandEvent] = [*enrolled()]
    for command in script:
        past += added(ISLAND_DECIDER, past, command)
        assert added(ISLAND_DECIDER, past, command) == []
