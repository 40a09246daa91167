"""The port through which the placing process asks where a job goes, and its plain form.

A placer is told every change of the fleet and answers from what it was told. `PlainPlacer` asks the domain function
each time and serves simulations and small fleets; a coordinator plugs in `adapters.columnar_fleet`, which a test holds
to the same answers.
"""

from typing import Protocol

from domain.ids import IslandId
from domain.placement import Offer, Placement, Want, place
from domain.placement_rules import CURRENT, PlacementRules


class Placer(Protocol):
    """`update` adds an island or changes it; removing one that is not there is no fault."""

    def update(self, offer: Offer) -> None: ...

    def remove(self, island_id: IslandId) -> None: ...

    def place(self, want: Want, *, now_ms: int, view_position: int) -> Placement: ...


class PlainPlacer:
    def __init__(self, rules: PlacementRules = CURRENT) -> None:
        self._rules = rules
        self._offers: dict[IslandId, Offer] = {}

    def update(self, offer: Offer) -> None:
        self._offers[offer.island_id] = offer

    def remove(self, island_id: IslandId) -> None:
        self._offers.pop(island_id, None)

    def place(self, want: Want, *, now_ms: int, view_position: int) -> Placement:
        return place(
            want, self._offers.values(), now_ms=now_ms, view_position=view_position, rules=self._rules
        )
