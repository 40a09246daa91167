"""Why an island gets nothing: what became of every job that was decided while one looked on with its eyes.

Called by the route behind `archipelago island why-idle`, with the island's offer at some position of the log and the
commits behind it. Pure. Each job counts once, by its last decision; runs that compare results count not at all, since
no island may learn of them. The island is seen as it stood just before the decision was recorded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from commands.event_log import Commit
from commands.processes.placing import Placing
from domain.cargo_spec import Runtime
from domain.ids import CargoSlug, IslandId, JobId
from domain.job_events import JobAssigned, PlacementDeferred
from domain.placement import Candidate, Offer, Refusal, RefusalCount, Want, ask_micro, refusal, score
from domain.placement_rules import CURRENT

JOBS_KEPT_MAX: Final = 50_000
"""Of more jobs than that, the newest count."""
WEIGHTED_TERMS: Final = ("speed", "fit", "headroom")
PLAIN_TERMS: Final = ("warm", "region", "affinity", "karma", "failures", "price")


class Fate(StrEnum):
    """What a decision meant for the island."""

    WON = "won"  # It got the job.
    OUTSCORED = "outscored"  # It fitted, and another had more points.
    REFUSED = "refused"  # A rule turned it down.


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFate:
    """One job as the island met it. `refusal` where it was refused; `winner`, `term` and `gap` where it was outscored:
    the term that it lost most points by, and the points of all terms. `would_fit_at_micro` is the highest ask that
    would have let it in, where nothing but its ask stood in the way.
    """

    position: int
    at_ms: int
    slug: CargoSlug
    fate: Fate
    ask_micro: int
    refusal: Refusal | None = None
    winner: str = ""
    term: str = ""
    gap: float = 0.0
    would_fit_at_micro: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Idleness:
    """What the island met between two moments (Unix ms), and how long of that it was there and away."""

    since_ms: int
    until_ms: int
    offline_ms: int
    trust_level_min: int
    fates: tuple[JobFate, ...]


class IdleWatch:
    """Looks at the log with one island's eyes. Commits before `since_ms` are only folded."""

    def __init__(self, island_id: IslandId, offer: Offer | None, since_ms: int) -> None:
        self._placing = Placing(lambda: 0)
        if offer is not None:
            self._placing.picture.offers[island_id] = offer
        self._island_id = island_id
        self._since_ms = self._seen_ms = since_ms
        self._offline_ms = 0
        self._fates: dict[JobId, JobFate] = {}

    def take(self, commit: Commit) -> None:
        if commit.recorded_at_ms >= self._since_ms:
            self._pass_time(commit.recorded_at_ms)
            for event in commit.events:
                self._meet(commit, event)
        self._placing.take(commit)

    def told(self, until_ms: int) -> Idleness:
        self._pass_time(until_ms)
        offer = self._offer()
        return Idleness(
            since_ms=self._since_ms,
            until_ms=until_ms,
            offline_ms=self._offline_ms,
            trust_level_min=offer.trust_level_min if offer else 0,
            fates=tuple(self._fates.values()),
        )

    def _offer(self) -> Offer | None:
        return self._placing.picture.offers.get(self._island_id)

    def _pass_time(self, at_ms: int) -> None:
        offer = self._offer()
        if offer is not None and not offer.is_online:
            self._offline_ms += max(0, at_ms - self._seen_ms)
        self._seen_ms = max(self._seen_ms, at_ms)

    def _meet(self, commit: Commit, event: Any) -> None:
        if not isinstance(event, JobAssigned | PlacementDeferred):
            return
        want, offer = self._placing.picture.waiting.get(event.job_id), self._offer()
        if want is None or offer is None or want.check_id is not None:
            return
        self._fates.pop(event.job_id, None)
        if len(self._fates) >= JOBS_KEPT_MAX:
            del self._fates[next(iter(self._fates))]
        self._fates[event.job_id] = fate_of(want, offer, event, commit.position)


def fate_of(want: Want, offer: Offer, event: JobAssigned | PlacementDeferred, position: int) -> JobFate:
    """What one decision meant for the island that offers this."""
    if isinstance(event, JobAssigned):
        at_ms, refusals, candidates = (
            event.assigned_at_ms,
            event.explanation.refusals,
            event.explanation.candidates,
        )
    else:
        at_ms, refusals, candidates = event.deferred_at_ms, event.refusals, ()
    met = JobFate(
        position=position,
        at_ms=at_ms,
        slug=want.cargo.slug,
        fate=Fate.WON,
        ask_micro=ask_micro(want, offer),
    )
    if isinstance(event, JobAssigned) and event.island_id == offer.island_id:
        return met
    retry_allowed = not any(one.code is Refusal.TRIED_BEFORE for one in refusals)
    code = refusal(want, offer, at_ms, retry_allowed=retry_allowed)
    if code is None and isinstance(event, PlacementDeferred):
        code = code_in_favour(refusals)
    if code is not None:
        fits_at = ask_that_fits(want, offer, at_ms, retry_allowed=retry_allowed)
        limit = fits_at if code is Refusal.ASK_ABOVE_BID else None
        return replace(met, fate=Fate.REFUSED, refusal=code, would_fit_at_micro=limit)
    return outscored(met, want, offer, candidates)


def code_in_favour(refusals: tuple[RefusalCount, ...]) -> Refusal:
    """Where nobody was given the job although the island fits by now: what stood in the way a moment before."""
    codes = {one.code for one in refusals}
    return Refusal.AT_CAPACITY if Refusal.AT_CAPACITY in codes or not codes else min(codes)


def ask_that_fits(want: Want, offer: Offer, at_ms: int, *, retry_allowed: bool) -> int | None:
    """The highest ask at which nothing stands in the way; None where something else does."""
    free = replace(offer, asks_micro={want.cargo.slug: 0})
    if refusal(want, free, at_ms, retry_allowed=retry_allowed) is not None:
        return None
    return want.ask_limit_micro


def outscored(met: JobFate, want: Want, offer: Offer, candidates: tuple[Candidate, ...]) -> JobFate:
    """The winner is the first candidate; the island's own points are recorded where it was among the best."""
    if not candidates:
        return replace(met, fate=Fate.OUTSCORED)
    best = candidates[0]
    own = next((one for one in candidates if one.island_id == offer.island_id), None)
    own = own or score(want, offer, met.at_ms)
    gaps = point_gaps(want.cargo.runtime, own, best)
    return replace(
        met,
        fate=Fate.OUTSCORED,
        winner=best.name,
        term=max(gaps, key=lambda term: gaps[term]),
        gap=round(best.total - own.total, 2),
    )


def point_gaps(runtime: Runtime, own: Candidate, best: Candidate) -> Mapping[str, float]:
    """By term, how many points of the total the winner had more."""
    weights = dict(zip(WEIGHTED_TERMS, CURRENT.weights[runtime], strict=True))
    return {
        term: (getattr(best, term) - getattr(own, term)) * weights.get(term, 100) / 100
        for term in (*WEIGHTED_TERMS, *PLAIN_TERMS)
    }
