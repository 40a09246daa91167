"""Placing: waiting jobs meet free islands.

A planner. Its picture is the fleet and the queue; `plan` takes the queue round-robin over accounts, asks the placer for
each kind of job and orders assignments, and deferrals that say why. What it has ordered but not yet seen recorded
counts as taken, so one look never fills a slot twice; a second coordinator may still race for the same job, and the
job's own stream lets one of them win.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from commands.compared_runs import ComparedRuns, check_for, check_of, other_owners, take_owner
from commands.event_log import Commit
from commands.fleet import AttemptEnd, island_of, offer_after
from commands.placer import Placer, PlainPlacer
from commands.process import Order
from commands.processes.fair_queue import FairQueue, Kind, Told
from domain.check_events import LateAnswerTaken, VerdictReached
from domain.ids import AccountId, IslandId, JobId
from domain.job import JOB
from domain.job_commands import AssignJob, DeferPlacement
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    JobAssigned,
    JobCancelled,
    JobFailed,
    JobSubmitted,
    JobSucceeded,
    PlacementDeferred,
)
from domain.placement import Offer, Placement, Want

PLACEMENTS_PER_PLAN_MAX: Final = 200
TRIES_PER_PLAN_MAX: Final = 400  # What fits nowhere costs a try for each of its kind.
RETURN_PAUSE_MS: Final = 2_000  # So that ten attempts are not used up in one second.
ORDER_FORGOTTEN_MS: Final = 2_000  # An order not seen recorded by then is given up and planned again.
REASONS_RENEWED_MS: Final = 60_000  # However often they change, a job is told new reasons no sooner.


@dataclass(slots=True)
class Picture:
    """Everything placing knows, as plain data that can be saved."""

    position: int = 0
    offers: dict[IslandId, Offer] = field(default_factory=dict)
    waiting: dict[JobId, Want] = field(default_factory=dict)
    running: dict[JobId, Want] = field(default_factory=dict)
    deferred: dict[JobId, Told] = field(default_factory=dict)
    compared: ComparedRuns = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Ordered:
    island_id: IslandId
    at_ms: int


class Placing:
    """`output_position` tells where the output stream stands: output of a new attempt can only lie behind it.

    `check_secret` decides which results are checked; every coordinator of a network has the same. The placer begins
    empty.
    """

    name = "placing"

    def __init__(
        self,
        output_position: Callable[[], int],
        picture: Picture | None = None,
        *,
        check_secret: bytes = b"",
        placer: Placer | None = None,
    ) -> None:
        self.picture = picture or Picture()
        self._output_position = output_position
        self._check_secret = check_secret
        self._placer = placer or PlainPlacer()
        self._queue = FairQueue()
        self._ordered: dict[JobId, _Ordered] = {}
        self._ordered_on: dict[IslandId, frozenset[JobId]] = {}
        self._last_served: AccountId | None = None
        for island_id in self.picture.offers:
            self._show(island_id)
        for job_id in self.picture.waiting:
            self._line_up(job_id)

    def take(self, commit: Commit) -> None:
        for event in commit.events:
            self._take_island(event)
            self._take_job(event)
        self.picture.position = commit.position

    def _take_island(self, event: Any) -> None:
        island_id = island_of(event)
        if island_id is None:
            return
        offer = offer_after(self.picture.offers.get(island_id), event)
        if offer is not None:
            self.picture.offers[island_id] = offer
        else:
            self.picture.offers.pop(island_id, None)
        self._show(island_id)

    def _show(self, island_id: IslandId) -> None:
        """Tells the placer of an island, with what is ordered on it."""
        offer = self.picture.offers.get(island_id)
        if offer is None:
            self._placer.remove(island_id)
        else:
            ordered = self._ordered_on.get(island_id, frozenset())
            self._placer.update(replace(offer, active_jobs=offer.active_jobs | ordered) if ordered else offer)

    def _line_up(self, job_id: JobId) -> None:
        """Puts a job where it belongs: into the queue, unless it does not wait or is ordered already."""
        want = self.picture.waiting.get(job_id)
        if want is None or job_id in self._ordered:
            self._queue.drop(job_id)
        else:
            self._queue.add(want, self.picture.deferred.get(job_id))

    def _order(self, job_id: JobId, island_id: IslandId, now_ms: int) -> None:
        self._ordered[job_id] = _Ordered(island_id, now_ms)
        self._ordered_on[island_id] = self._ordered_on.get(island_id, frozenset()) | {job_id}
        self._show(island_id)

    def _unorder(self, job_id: JobId) -> None:
        order = self._ordered.pop(job_id, None)
        if order is None:
            return
        left = self._ordered_on[order.island_id] - {job_id}
        if left:
            self._ordered_on[order.island_id] = left
        else:
            del self._ordered_on[order.island_id]
        self._show(order.island_id)

    def _take_job(self, event: Any) -> None:
        picture = self.picture
        match event:
            case JobSubmitted():
                picture.waiting[event.job_id] = want_of(event)
            case PlacementDeferred():
                codes = frozenset(refusal.code for refusal in event.refusals)
                picture.deferred[event.job_id] = Told(codes=codes, at_ms=event.deferred_at_ms)
            case JobAssigned():
                want = picture.waiting.pop(event.job_id, None)
                if want is not None:
                    picture.running[event.job_id] = replace(want, attempts=event.attempt)
                    take_owner(picture.compared, want, event.owner_id)
                picture.deferred.pop(event.job_id, None)
                self._unorder(event.job_id)
            case AttemptLost() | AttemptFailed() | AttemptReturned():
                want = picture.running.pop(event.job_id, None)
                if want is not None:
                    take_owner(picture.compared, want, None)
                    picture.waiting[event.job_id] = after_attempt(want, event)
            case VerdictReached() | LateAnswerTaken():
                picture.compared.pop(event.job_id, None)
                return
            case JobSucceeded() | JobFailed() | JobCancelled():
                for jobs in (picture.waiting, picture.running):
                    want = jobs.pop(event.job_id, None)
                    if want is not None and not isinstance(event, JobSucceeded):
                        take_owner(picture.compared, want, None)
                picture.deferred.pop(event.job_id, None)
                self._unorder(event.job_id)
            case _:
                return
        self._line_up(event.job_id)

    def _apart(self, want: Want) -> Want:
        """The same, kept away from the owners of the other runs that it is compared with."""
        if check_of(want) is None:
            return want
        owners = other_owners(self.picture.compared, want)
        for job_id, order in self._ordered.items():
            sibling, offer = self.picture.waiting.get(job_id), self.picture.offers.get(order.island_id)
            if sibling is not None and offer is not None and check_of(sibling) == check_of(want):
                owners.add(offer.owner_id)
        return replace(want, excluded_owners=want.excluded_owners | owners)

    def plan(self, now_ms: int) -> Sequence[Order]:
        self._forget_lost_orders(now_ms)
        self._queue.release(now_ms)
        orders: list[Order] = []
        hopeless: dict[Kind, Placement] = {}
        for want, kind in islice(self._queue.turns(self._last_served, hopeless), TRIES_PER_PLAN_MAX):
            placement = self._placer.place(
                self._apart(want), now_ms=now_ms, view_position=self.picture.position
            )
            if placement.winner is None:
                hopeless[kind] = placement
                if len(hopeless) + len(orders) == TRIES_PER_PLAN_MAX:
                    self._last_served = want.account_id  # The next look goes on behind it.
                continue
            orders.append(self._assign(want, placement, len(orders), now_ms))
            self._order(want.job_id, placement.winner.island_id, now_ms)
            self._last_served = want.account_id
            if len(orders) >= PLACEMENTS_PER_PLAN_MAX:
                break
        for order in orders:
            self._queue.drop(order.command.job_id)
        deferrals = self._deferrals(hopeless, len(orders), now_ms)
        return [*orders, *islice(deferrals, PLACEMENTS_PER_PLAN_MAX - len(orders))]

    def _deferrals(self, hopeless: Mapping[Kind, Placement], turn: int, now_ms: int) -> Iterator[Order]:
        """For jobs whose reasons are others than those they wait for as far as their customers know."""
        for kind, placement in hopeless.items():
            codes = frozenset(refusal.code for refusal in placement.explanation.refusals)
            if codes:  # Else there is no island at all.
                for job_id in kind.to_tell(codes, now_ms - REASONS_RENEWED_MS):
                    yield defer(job_id, placement, turn, now_ms)

    def failed(self, order: Order) -> None:
        """An order was refused: the next plan decides anew."""
        self._unorder(order.command.job_id)
        self._line_up(order.command.job_id)

    def _forget_lost_orders(self, now_ms: int) -> None:
        lost = [job for job, order in self._ordered.items() if now_ms - order.at_ms > ORDER_FORGOTTEN_MS]
        for job_id in lost:
            self._unorder(job_id)
            self._line_up(job_id)

    def _assign(self, want: Want, placement: Placement, turn: int, now_ms: int) -> Order:
        assert placement.winner is not None
        command = AssignJob(
            job_id=want.job_id,
            attempt=want.attempts + 1,
            island_id=placement.winner.island_id,
            owner_id=placement.winner.owner_id,
            price_micro=placement.price_micro,
            output_after=self._output_position(),
            explanation=replace(placement.explanation, turn=turn),
            now_ms=now_ms,
            check=check_for(want, placement, self._check_secret),
        )
        return Order(decider=JOB, aggregate_id=want.job_id, command=command)


def defer(job_id: JobId, placement: Placement, turn: int, now_ms: int) -> Order:
    explanation = replace(placement.explanation, turn=turn)
    command = DeferPlacement(job_id=job_id, explanation=explanation, now_ms=now_ms)
    return Order(decider=JOB, aggregate_id=job_id, command=command)


def want_of(event: JobSubmitted) -> Want:
    return Want(
        job_id=event.job_id,
        account_id=event.account_id,
        cargo=event.cargo,
        bid_micro=event.bid_micro,
        priority=event.priority,
        region=event.region,
        submitted_at_ms=event.submitted_at_ms,
        excluded_owners=frozenset(event.excluded_owners),
        only_island=event.only_island,
        privacy_tier=event.privacy_tier,
        unit_bid_micro=event.unit_bid_micro,
        check_id=event.check_id,
        redundancy=event.redundancy,
    )


def after_attempt(want: Want, event: AttemptEnd) -> Want:
    """Another island is tried first. A lone island that gave the attempt back, busy or hot, gets a pause."""
    if event.island_id is None:
        return want
    tried = replace(want, tried=want.tried | {event.island_id})
    if isinstance(event, AttemptReturned):
        return replace(tried, not_before_ms=event.returned_at_ms + RETURN_PAUSE_MS)
    return tried
