"""Placing: waiting jobs meet free islands.

A planner. Its picture is the fleet and the queue; `plan` takes the queue round-robin over accounts, asks
`domain.placement` for each job and orders an assignment, or a deferral that says why. What it has ordered but not yet
seen recorded counts as taken, so one look never fills a slot twice; a second coordinator may still race for the same
job, and the job's own stream lets one of them win.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any, Final

from commands.compared_runs import ComparedRuns, check_for, check_of, other_owners, take_owner
from commands.event_log import Commit
from commands.fleet import AttemptEnd, island_of, offer_after
from commands.process import Order
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
from domain.placement import Offer, Placement, Refusal, Want, place

PLACEMENTS_PER_PLAN_MAX: Final = 200
RETURN_PAUSE_MS: Final = 2_000  # So that ten attempts are not used up in one second.
ORDER_FORGOTTEN_MS: Final = 2_000  # An order not seen recorded by then is given up and planned again.
REASONS_RENEWED_MS: Final = 60_000  # However often they change, a job is told new reasons no sooner.


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Why a waiting job was told that it waits, and when."""

    codes: frozenset[Refusal]
    at_ms: int


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

    `check_secret` decides which results are checked; every coordinator of a network has the same.
    """

    name = "placing"

    def __init__(
        self,
        output_position: Callable[[], int],
        picture: Picture | None = None,
        *,
        check_secret: bytes = b"",
    ) -> None:
        self.picture = picture or Picture()
        self._output_position = output_position
        self._check_secret = check_secret
        self._ordered: dict[JobId, _Ordered] = {}

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
                self._ordered.pop(event.job_id, None)
            case AttemptLost() | AttemptFailed() | AttemptReturned():
                want = picture.running.pop(event.job_id, None)
                if want is not None:
                    take_owner(picture.compared, want, None)
                    picture.waiting[event.job_id] = after_attempt(want, event)
            case VerdictReached() | LateAnswerTaken():
                picture.compared.pop(event.job_id, None)
            case JobSucceeded() | JobFailed() | JobCancelled():
                for jobs in (picture.waiting, picture.running):
                    want = jobs.pop(event.job_id, None)
                    if want is not None and not isinstance(event, JobSucceeded):
                        take_owner(picture.compared, want, None)
                picture.deferred.pop(event.job_id, None)
                self._ordered.pop(event.job_id, None)
            case _:
                pass

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
        offers = self._offers_with_orders()
        free_slots = sum(max(0, offer.slots - offer.active) for offer in offers.values() if offer.is_online)
        orders: list[Order] = []
        for want in map(self._apart, self._fair_queue(now_ms)):
            if len(orders) >= PLACEMENTS_PER_PLAN_MAX:
                break
            if not free_slots and want.job_id in self.picture.deferred:
                continue
            placement = place(want, offers.values(), now_ms=now_ms, view_position=self.picture.position)
            if placement.winner is None:
                if offers and self._is_news(want, placement, now_ms):
                    orders.append(defer(want, placement, len(orders), now_ms))
                continue
            orders.append(self._assign(want, placement, len(orders), now_ms))
            winner = placement.winner
            offers[winner.island_id] = replace(winner, active_jobs=winner.active_jobs | {want.job_id})
            self._ordered[want.job_id] = _Ordered(winner.island_id, now_ms)
            free_slots -= 1
        return orders

    def _is_news(self, want: Want, placement: Placement, now_ms: int) -> bool:
        """Whether the reasons are others than those the job waits for as far as its customer knows."""
        told = self.picture.deferred.get(want.job_id)
        if told is None:
            return True
        codes = {refusal.code for refusal in placement.explanation.refusals}
        return codes != told.codes and now_ms - told.at_ms >= REASONS_RENEWED_MS

    def failed(self, order: Order) -> None:
        """An order was refused: the next plan decides anew."""
        self._ordered.pop(order.command.job_id, None)

    def _forget_lost_orders(self, now_ms: int) -> None:
        lost = [job for job, order in self._ordered.items() if now_ms - order.at_ms > ORDER_FORGOTTEN_MS]
        for job_id in lost:
            del self._ordered[job_id]

    def _offers_with_orders(self) -> dict[IslandId, Offer]:
        offers = dict(self.picture.offers)
        for job_id, order in self._ordered.items():
            offer = offers.get(order.island_id)
            if offer is not None:  # Else the island has left since.
                offers[order.island_id] = replace(offer, active_jobs=offer.active_jobs | {job_id})
        return offers

    def _fair_queue(self, now_ms: int) -> Iterator[Want]:
        """Round-robin over accounts; inside an account by priority, then by age."""
        by_account: dict[AccountId, list[Want]] = {}
        for want in self.picture.waiting.values():
            if want.job_id not in self._ordered and want.not_before_ms <= now_ms:
                by_account.setdefault(want.account_id, []).append(want)
        for wants in by_account.values():
            wants.sort(key=lambda want: (-want.priority, want.submitted_at_ms, want.job_id))
        for turn in zip_longest(*(by_account[account] for account in sorted(by_account))):
            yield from (want for want in turn if want is not None)

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


def defer(want: Want, placement: Placement, turn: int, now_ms: int) -> Order:
    explanation = replace(placement.explanation, turn=turn)
    command = DeferPlacement(job_id=want.job_id, explanation=explanation, now_ms=now_ms)
    return Order(decider=JOB, aggregate_id=want.job_id, command=command)


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
