"""The placements of the past, each with the fleet as it stood when it was decided.

Called with the log's commits in order, by whoever asks what another rule would have done. It folds the placing process'
own picture, so a past decision sees what that process saw: the fleet at the position the decision was made on, and the
slots that the orders before it had taken. Memory is bounded by the fleet, the queue and `CHANGES_KEPT_MAX`.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from commands.compared_runs import ComparedRuns, other_owners, take_owner
from commands.event_log import Commit
from commands.fleet import island_of
from commands.processes.placing import ORDER_FORGOTTEN_MS, Placing
from domain.ids import IslandId, JobId
from domain.job_events import JobAssigned, PlacementDeferred
from domain.placement import Offer, Want

CHANGES_KEPT_MAX: Final = 100_000
"""How many changes of the fleet can be taken back: a decision made on an older fleet than that cannot be seen again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDecision:
    """`winner` is None for a deferral. `offers` hold the fleet only until the next decision is taken."""

    position: int
    at_ms: int
    rules_version: int
    view_position: int
    turn: int
    want: Want
    winner: IslandId | None
    price_micro: int
    offers: Mapping[IslandId, Offer]


@dataclass(frozen=True, slots=True)
class _Change:
    """What an island offered before the commit at `position`; None where it was not there."""

    position: int
    island_id: IslandId
    before: Offer | None


@dataclass(frozen=True, slots=True)
class _Taken:
    """A slot that an order took, from the moment it was given until the picture had seen it recorded, or forgot it."""

    position: int
    at_ms: int
    job_id: JobId
    island_id: IslandId


class Replay:
    """`unseen` counts decisions that cannot be seen again: their fleet is not known any more, or was never kept."""

    def __init__(self) -> None:
        self._placing = Placing(lambda: 0)
        self._changes: deque[_Change] = deque(maxlen=CHANGES_KEPT_MAX)
        self._forgotten_before = 0
        self._taken: deque[_Taken] = deque(maxlen=CHANGES_KEPT_MAX)
        self._look: list[PastDecision] = []
        self.unseen = 0

    def take(self, commit: Commit) -> Iterator[PastDecision]:
        """The decisions that are complete with this commit: those of the look before it, where another has begun."""
        found = [one for event in commit.events if (one := self._decision(commit, event)) is not None]
        if found and self._look and look_of(found[0]) != look_of(self._look[0]):
            yield from self.rest()
        self._look += found
        self._fold(commit)
        for one in found:
            if one.winner is not None:
                self._taken.append(_Taken(commit.position, one.at_ms, one.want.job_id, one.winner))

    def rest(self) -> Iterator[PastDecision]:
        """The decisions of the last look, in the order they were made. To be called at the end of the log too."""
        look, self._look = sorted(self._look, key=lambda one: one.turn), []
        if not look:
            return
        view, first = look[0].view_position, min(one.position for one in look)
        if view < self._forgotten_before:
            self.unseen += len(look)
            return
        offers = self._offers_at(view)
        for taken in reversed(self._taken):
            if taken.position <= view:
                break
            if taken.position < first and look[0].at_ms - taken.at_ms <= ORDER_FORGOTTEN_MS:
                take_slot(offers, taken.island_id, taken.job_id)
        compared: ComparedRuns = {}
        for one in look:
            owners = other_owners(compared, one.want)
            want = replace(one.want, excluded_owners=one.want.excluded_owners | owners)
            yield replace(one, want=want, offers=offers)
            if one.winner is not None and one.winner in offers:
                take_slot(offers, one.winner, one.want.job_id)
                take_owner(compared, one.want, offers[one.winner].owner_id)

    def _decision(self, commit: Commit, event: Any) -> PastDecision | None:
        if not isinstance(event, JobAssigned | PlacementDeferred):
            return None
        want = self._placing.picture.waiting.get(event.job_id)
        made_on = event.explanation if isinstance(event, JobAssigned) else event
        if want is None or not made_on.view_position:
            self.unseen += 1
            return None
        others = other_owners(self._placing.picture.compared, want)
        deferred = PastDecision(
            position=commit.position,
            at_ms=0,
            rules_version=made_on.rules_version,
            view_position=made_on.view_position,
            turn=made_on.turn,
            want=replace(want, excluded_owners=want.excluded_owners | others),
            winner=None,
            price_micro=0,
            offers={},
        )
        match event:
            case PlacementDeferred():
                return replace(deferred, at_ms=event.deferred_at_ms)
            case JobAssigned():
                return replace(
                    deferred,
                    at_ms=event.assigned_at_ms,
                    winner=event.island_id,
                    price_micro=event.price_micro,
                )

    def _fold(self, commit: Commit) -> None:
        offers = self._placing.picture.offers
        islands = {found for event in commit.events if (found := island_of(event)) is not None}
        for island_id in sorted(islands):
            if len(self._changes) == CHANGES_KEPT_MAX:
                self._forgotten_before = self._changes[0].position
            self._changes.append(_Change(commit.position, island_id, offers.get(island_id)))
        self._placing.take(commit)

    def _offers_at(self, position: int) -> dict[IslandId, Offer]:
        offers = dict(self._placing.picture.offers)
        for change in reversed(self._changes):
            if change.position <= position:
                break
            if change.before is None:
                offers.pop(change.island_id, None)
            else:
                offers[change.island_id] = change.before
        return offers


def look_of(decision: PastDecision) -> tuple[int, int]:
    """What the decisions of one look at the queue have in common."""
    return decision.view_position, decision.at_ms


def take_slot(offers: dict[IslandId, Offer], island_id: IslandId, job_id: JobId) -> None:
    offer = offers.get(island_id)
    if offer is not None:  # Else the island has left since.
        offers[island_id] = replace(offer, active_jobs=offer.active_jobs | {job_id})
