"""What placements of the past would have come to under other rules, at other prices, or without an island.

Called by `archipelago placement replay` with one `commands.replay.PastDecision` after another. Each decision is made
again on the fleet that was recorded: it is not followed what the other winner's slots would have meant for the next.
A decision counts only where the recorded rules and fleet lead to the recorded winner; what does not is counted apart.
Placers are told what changed between two decisions and not the whole fleet, so that a large one costs little.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from commands.placer import Placer, PlainPlacer
from commands.replay import PastDecision
from domain.ids import IslandId, JobId
from domain.placement import Offer, Placement, Want, ask_micro
from domain.placement_rules import CURRENT, PlacementRules

CHANGES_TOLD_MAX: Final = 100
EXAMPLES_TOLD_MAX: Final = 10
WHOLE_PERMILLE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Supposition:
    """What is supposed to have been otherwise. `price_permille` multiplies all asks of an island.

    An island goes by its id or by its name.
    """

    rules: PlacementRules = CURRENT
    without: frozenset[str] = frozenset()
    price_permille: Mapping[str, int] = field(default_factory=dict)

    @property
    def islands(self) -> frozenset[str]:
        return self.without | self.price_permille.keys()

    def is_without(self, offer: Offer) -> bool:
        return offer.island_id in self.without or offer.name in self.without

    def permille_of(self, offer: Offer) -> int:
        prices = self.price_permille
        return prices.get(offer.island_id, prices.get(offer.name, WHOLE_PERMILLE))


class Turn(StrEnum):
    """How a decision would have come out otherwise."""

    OTHER_ISLAND = "other_island"  # Another island would have won.
    OTHER_PRICE = "other_price"  # The same island, at another price.
    NOW_PLACED = "now_placed"  # The job waited, and would have been placed.
    NOT_PLACED = "not_placed"  # The job was placed, and no island would have fitted.


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One decision that would have come out otherwise. An island is None where the job was not placed."""

    position: int
    job_id: JobId
    turn: Turn
    before: IslandId | None
    after: IslandId | None
    before_micro: int
    after_micro: int


@dataclass(slots=True, kw_only=True)
class Share:
    """What one island gets of the decisions: jobs, and their prices as placed."""

    name: str
    jobs_before: int = 0
    jobs_after: int = 0
    micro_before: int = 0
    micro_after: int = 0


@dataclass(slots=True, kw_only=True)
class Comparison:
    """`decided` were made again; `of_old_rules` and `not_reproduced` could not be, and count nowhere else.

    `differences` are the first of `different`, `examples` positions of decisions that were not reproduced.
    """

    decided: int = 0
    of_old_rules: int = 0
    not_reproduced: int = 0
    examples: list[int] = field(default_factory=list)
    different: dict[Turn, int] = field(default_factory=lambda: dict.fromkeys(Turn, 0))
    differences: list[Difference] = field(default_factory=list)
    shares: dict[IslandId, Share] = field(default_factory=dict)


class SupposedFleet:
    """The fleet of one decision after another in two placers: as it was, and as it is supposed."""

    def __init__(self, supposition: Supposition, placer_of: Callable[[PlacementRules], Placer]) -> None:
        self._supposed = supposition
        self._recorded, self._otherwise = placer_of(CURRENT), placer_of(supposition.rules)
        self._offers: dict[IslandId, Offer] = {}
        self._priced: dict[IslandId, Offer] = {}

    def follow(self, offers: Mapping[IslandId, Offer]) -> Iterator[Offer]:
        """Takes on the fleet of the next decision. Yields what is new or changed in it."""
        for island_id in self._offers.keys() - offers.keys():
            del self._offers[island_id]
            self._recorded.remove(island_id)
            self._suppose_gone(island_id)
        for island_id, offer in offers.items():
            if self._offers.get(island_id) is not offer:
                self._offers[island_id] = offer
                self._recorded.update(offer)
                self._suppose(offer)
                yield offer

    def place(self, decision: PastDecision) -> Placement:
        """What the recorded rules make of it."""
        return self._recorded.place(
            decision.want, now_ms=decision.at_ms, view_position=decision.view_position
        )

    def place_otherwise(self, decision: PastDecision) -> Placement:
        for offer in self._priced.values():
            self._otherwise.update(at_other_price(offer, decision.want, self._supposed.permille_of(offer)))
        return self._otherwise.place(
            decision.want, now_ms=decision.at_ms, view_position=decision.view_position
        )

    def _suppose(self, offer: Offer) -> None:
        self._priced.pop(offer.island_id, None)
        if self._supposed.is_without(offer):
            self._otherwise.remove(offer.island_id)
        elif self._supposed.permille_of(offer) == WHOLE_PERMILLE:
            self._otherwise.update(offer)
        else:  # What it asks depends on the job.
            self._priced[offer.island_id] = offer

    def _suppose_gone(self, island_id: IslandId) -> None:
        self._priced.pop(island_id, None)
        self._otherwise.remove(island_id)


class Counterfactual:
    """`strangers` are the islands of the supposition that no decision has seen so far."""

    def __init__(
        self, supposition: Supposition, placer_of: Callable[[PlacementRules], Placer] = PlainPlacer
    ) -> None:
        self._fleet = SupposedFleet(supposition, placer_of)
        self.strangers = set(supposition.islands)
        self.comparison = Comparison()

    def take(self, decision: PastDecision) -> None:
        """Makes one decision again, twice: as it was, to see that it comes out so, and as it is supposed."""
        for offer in self._fleet.follow(decision.offers):
            self.strangers -= {offer.island_id, offer.name}
        if decision.rules_version != CURRENT.version:
            self.comparison.of_old_rules += 1
        elif not is_same(decision, self._fleet.place(decision)):
            self.comparison.not_reproduced += 1
            if len(self.comparison.examples) < EXAMPLES_TOLD_MAX:
                self.comparison.examples.append(decision.position)
        else:
            self.comparison.decided += 1
            self._compare(decision, self._fleet.place_otherwise(decision))

    def _compare(self, decision: PastDecision, otherwise: Placement) -> None:
        after = otherwise.winner.island_id if otherwise.winner else None
        if decision.winner is not None:
            share = self._share(decision, decision.winner)
            share.jobs_before += 1
            share.micro_before += decision.price_micro
        if after is not None:
            share = self._share(decision, after)
            share.jobs_after += 1
            share.micro_after += otherwise.price_micro
        turn = turn_of(decision, after, otherwise.price_micro)
        if turn is None:
            return
        self.comparison.different[turn] += 1
        if len(self.comparison.differences) < CHANGES_TOLD_MAX:
            self.comparison.differences.append(
                Difference(
                    position=decision.position,
                    job_id=decision.want.job_id,
                    turn=turn,
                    before=decision.winner,
                    after=after,
                    before_micro=decision.price_micro,
                    after_micro=otherwise.price_micro,
                )
            )

    def _share(self, decision: PastDecision, island_id: IslandId) -> Share:
        name = decision.offers[island_id].name
        return self.comparison.shares.setdefault(island_id, Share(name=name))


def is_same(decision: PastDecision, again: Placement) -> bool:
    """Whether it was placed where it was recorded, and at that price."""
    winner = again.winner.island_id if again.winner else None
    return (winner, again.price_micro) == (decision.winner, decision.price_micro)


def at_other_price(offer: Offer, want: Want, permille: int) -> Offer:
    """The same island asking otherwise for one job."""
    return replace(offer, asks_micro={want.cargo.slug: ask_micro(want, offer) * permille // WHOLE_PERMILLE})


def turn_of(decision: PastDecision, after: IslandId | None, price_micro: int) -> Turn | None:
    """None where it would have come out the same."""
    if decision.winner == after:
        return None if decision.price_micro == price_micro else Turn.OTHER_PRICE
    if decision.winner is None:
        return Turn.NOW_PLACED
    return Turn.NOT_PLACED if after is None else Turn.OTHER_ISLAND
