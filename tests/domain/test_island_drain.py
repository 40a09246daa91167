"""Draining: ordered by the owner, told by the daemon, or both."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from commands.fleet import offer_after
from domain.ids import AccountId
from domain.island import ISLAND as ISLAND_DECIDER
from domain.island_commands import DrainIsland, IslandCommand, ResumeIsland
from domain.island_events import DrainEnded, DrainStarted
from domain.placement import Offer
from domain.rejection import Rejection
from tests.examples import CUSTOMER, ISLAND, OWNER, at_ms, heartbeat, ready_island, removed
from tests.oversight_examples import drain_lifted, drain_ordered
from tests.scenario import Scenario

island = Scenario(ISLAND_DECIDER)
drain = DrainIsland(island_id=ISLAND, owner_id=OWNER, now_ms=at_ms(7))
resume = ResumeIsland(island_id=ISLAND, owner_id=OWNER, now_ms=at_ms(8))
STARTED: Final = DrainStarted(island_id=ISLAND, drained_at_ms=at_ms(10))
ENDED: Final = DrainEnded(island_id=ISLAND, resumed_at_ms=at_ms(10))


def test_an_owner_drains_and_resumes_an_island_once() -> None:
    island.given(*ready_island()).when(drain).then(drain_ordered())
    island.given(*ready_island(), drain_ordered()).when(drain).then_nothing()
    island.given(*ready_island(), drain_ordered()).when(resume).then(drain_lifted())
    island.given(*ready_island()).when(resume).then_nothing()


def test_heartbeats_do_not_lift_an_owner_s_order() -> None:
    island.given(*ready_island(), drain_ordered()).when(heartbeat()).then_nothing()
    past = (*ready_island(), drain_ordered(), STARTED)
    island.given(*past).when(heartbeat()).then(replace(ENDED, is_still_ordered=True))


def test_lifting_the_order_does_not_end_what_the_daemon_wants() -> None:
    past = (*ready_island(), STARTED, drain_ordered())
    island.given(*past).when(resume).then(drain_lifted(is_still_draining=True))


@pytest.mark.parametrize("command", [drain, resume])
def test_only_its_owner_orders_and_lifts_a_drain(command: DrainIsland | ResumeIsland) -> None:
    foreign = replace(command, owner_id=AccountId(CUSTOMER))
    island.given(*ready_island()).when(foreign).then_rejected(Rejection.OWNER_DIFFERS)
    island.given(*ready_island(), removed()).when(command).then_rejected(Rejection.ISLAND_REMOVED)


@for_all(st.lists(st.sampled_from(["drain", "resume", "tells a drain", "tells none"]), max_size=12))
def test_an_island_gets_jobs_exactly_while_neither_wants_a_drain(asked: list[str]) -> None:
    past = list(ready_island())
    offer: Offer | None = None
    for event in past:
        offer = offer_after(offer, event)
    is_ordered = is_told = False
    commands: dict[str, IslandCommand] = {
        "drain": drain,
        "resume": resume,
        "tells a drain": heartbeat(is_draining=True),
        "tells none": heartbeat(),
    }
    for name in asked:
        for event in island.given(*past).when(commands[name]).decided():
            past.append(event)
            offer = offer_after(offer, event)
        is_ordered = {"drain": True, "resume": False}.get(name, is_ordered)
        is_told = {"tells a drain": True, "tells none": False}.get(name, is_told)
        assert offer is not None
        assert offer.is_draining is (is_ordered or is_told)
