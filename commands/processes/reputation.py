"""Reputation: every job that ended counts for or against its cargo.

A planner, because a busy cargo must not become a hot aggregate: it gathers the ends of each cargo and records them
together, once `TALLY_ENDS_MAX` have come or the first has waited for `TALLY_AFTER_MS`. The aggregate counts an end by
its position in the log, so what is asked for twice is counted once, and what a saved picture forgot is read again.

Second opinions are not uses, and a publisher's own jobs count for nobody but the operator: one could buy trust by them.
Ends that the cargo had no part in (no island found, attempts used up, killed) are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from commands.event_log import Commit
from commands.process import Order
from domain.cargo import CARGO
from domain.cargo_commands import RecordUse
from domain.cargo_events import CargoPublished, ReputationChanged
from domain.failure import Failure, JobEnd
from domain.ids import AccountId, CargoSlug, JobId
from domain.job_events import JobCancelled, JobFailed, JobSubmitted, JobSucceeded
from domain.publisher import PublisherTier, PublisherTierGranted
from domain.reputation import Outcome, UseEnd

TALLY_ENDS_MAX: Final = 100
TALLY_AFTER_MS: Final = 60_000


@dataclass(slots=True)
class Gathered:
    """Ends of one cargo that are not recorded yet, oldest first."""

    since_ms: int
    ends: list[UseEnd] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    publisher_id: AccountId
    is_first_party: bool


@dataclass(slots=True)
class Picture:
    """Everything reputation knows, as plain data that can be saved. `open` has the jobs that will count."""

    position: int = 0
    cargos: dict[CargoSlug, Published] = field(default_factory=dict)
    tiers: dict[AccountId, PublisherTier] = field(default_factory=dict)
    open: dict[JobId, CargoSlug] = field(default_factory=dict)
    gathered: dict[CargoSlug, Gathered] = field(default_factory=dict)


class Reputation:
    name = "reputation"

    def __init__(self, picture: Picture | None = None) -> None:
        self.picture = picture or Picture()

    def take(self, commit: Commit) -> None:
        for index, event in enumerate(commit.events):
            match event:
                case JobSubmitted():
                    self._take_submission(event)
                case JobSucceeded() | JobFailed() | JobCancelled():
                    self._take_end(event, commit, index)
                case _:
                    self._take_cargo(event)
        self.picture.position = commit.position

    def _take_submission(self, event: JobSubmitted) -> None:
        slug = event.cargo.slug
        cargo = self.picture.cargos.get(slug)
        if cargo is None or event.check_id is not None:
            return
        if event.account_id != cargo.publisher_id or cargo.is_first_party:
            self.picture.open[event.job_id] = slug

    def _take_end(self, event: JobSucceeded | JobFailed | JobCancelled, commit: Commit, index: int) -> None:
        slug = self.picture.open.pop(event.job_id, None)
        outcome = outcome_of(event)
        if slug is None or outcome is None:
            return
        end = UseEnd(
            position=commit.position,
            index=index,
            job_id=event.job_id,
            outcome=outcome,
            worked_ms=event.worked_ms if isinstance(event, JobSucceeded) else 0,
        )
        gathered = self.picture.gathered.setdefault(slug, Gathered(commit.recorded_at_ms))
        gathered.ends.append(end)

    def _take_cargo(self, event: Any) -> None:
        picture = self.picture
        match event:
            case CargoPublished():
                spec = event.cargo.spec
                picture.cargos[spec.slug] = Published(
                    publisher_id=spec.publisher_id, is_first_party=event.is_first_party
                )
            case PublisherTierGranted():
                picture.tiers[event.account_id] = event.tier
            case ReputationChanged() if event.slug in picture.gathered:
                self._forget(event.slug, event.counted_through)
            case _:
                pass

    def _forget(self, slug: CargoSlug, counted_through: int) -> None:
        """What came while the order was on its way is as old as that order, and so recorded a little early."""
        gathered = self.picture.gathered[slug]
        gathered.ends = [end for end in gathered.ends if end.position > counted_through]
        if not gathered.ends:
            del self.picture.gathered[slug]

    def plan(self, now_ms: int) -> Sequence[Order]:
        return [
            self._order(slug, gathered, now_ms)
            for slug, gathered in self.picture.gathered.items()
            if len(gathered.ends) >= TALLY_ENDS_MAX or now_ms - gathered.since_ms >= TALLY_AFTER_MS
        ]

    def _order(self, slug: CargoSlug, gathered: Gathered, now_ms: int) -> Order:
        publisher_id = self.picture.cargos[slug].publisher_id
        command = RecordUse(
            slug=slug,
            ends=tuple(gathered.ends[:TALLY_ENDS_MAX]),
            publisher_tier=self.picture.tiers.get(publisher_id, PublisherTier.INDIVIDUAL),
            now_ms=now_ms,
        )
        return Order(decider=CARGO, aggregate_id=slug, command=command)

    def failed(self, order: Order) -> None:
        """Nothing to undo: the next look asks again."""


def outcome_of(event: JobSucceeded | JobFailed | JobCancelled) -> Outcome | None:
    """What the end says about the cargo, None for nothing."""
    match event:
        case JobSucceeded():
            return Outcome.SUCCEEDED
        case JobCancelled():
            return None if event.island_id is None else Outcome.CANCELLED
        case JobFailed() if event.code in set(JobEnd):
            return None
        case JobFailed():
            return Outcome.TIMED_OUT if event.code == Failure.TIMED_OUT else Outcome.FAILED
