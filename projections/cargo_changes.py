"""The history of each cargo's trust as sentences for a person: what changed, by what, and on which evidence.

A table of the `cargos` read model, one row an event, only ever added to. Who rated or complained is not in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, assert_never, get_args

from commands.event_log import Commit
from domain.cargo_events import (
    CargoDisabled,
    CargoEnabled,
    CargoEvent,
    CargoPublished,
    CargoRated,
    CargoReviewed,
    CargoScanned,
    CargoSubmittedForReview,
    ComplaintFiled,
    IncidentRecorded,
    ReputationChanged,
    TrustLevelChanged,
)
from domain.ids import CargoSlug
from projections.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoChangeRow:
    """The event at `(position, index)`, in words. `evidence` is the event's own."""

    slug: CargoSlug
    position: int
    index: int
    what: str
    evidence: tuple[str, ...]
    at_ms: int


CARGO_CHANGES: Final[Table[CargoChangeRow]] = Table(
    CargoChangeRow, "cargo_changes", key=("slug", "position", "index")
)
CARGO_EVENTS: Final = get_args(CargoEvent)


def changes_of(commit: Commit) -> Iterator[CargoChangeRow]:
    """The rows of a commit, in order."""
    for index, event in enumerate(commit.events):
        if not isinstance(event, CARGO_EVENTS):
            continue
        yield CargoChangeRow(
            slug=event.cargo.spec.slug if isinstance(event, CargoPublished) else event.slug,
            position=commit.position,
            index=index,
            what=sentence_of(event),
            evidence=getattr(event, "evidence", ()),
            at_ms=commit.recorded_at_ms,
        )


def sentence_of(event: CargoEvent) -> str:
    match event:
        case CargoPublished():
            spec = event.cargo.spec
            level = spec.trust_level if event.trust_level is None else event.trust_level
            return f"published {spec.version}, trust level {level}; it asks for {spec.trust_level}"
        case CargoDisabled():
            return f"{'killed' if event.is_killed else 'disabled'}: {event.reason}"
        case CargoEnabled():
            return "enabled again"
        case ReputationChanged():
            return f"reputation {event.change_milli / 1000:+.3f} to {event.reputation_milli / 1000:.3f}: {told(event)}"
        case TrustLevelChanged():
            return f"trust level {event.from_level} -> {event.to_level}: {event.reason}"
        case CargoScanned():
            found = f"{event.critical} critical, {event.high} high, {event.medium} medium, {event.low} low"
            return f"scanned by {event.scanner}: {found}"
        case CargoSubmittedForReview():
            return "submitted for review"
        case CargoReviewed():
            return f"review {'passed' if event.is_passed else 'refused'}: {event.note}"
        case CargoRated():
            return rating_told(event)
        case ComplaintFiled():
            return "a customer complained"
        case IncidentRecorded():
            return f"critical incident: {event.note}"
        case _:
            assert_never(event)


def rating_told(event: CargoRated) -> str:
    if not event.stars:
        return f"a rating of {event.previous_stars} was taken back"
    instead = f" instead of {event.previous_stars}" if event.previous_stars else ""
    return f"rated {event.stars} of 5{instead}"


def told(event: ReputationChanged) -> str:
    """What a reputation changed by, in a few words."""
    tally = event.tally
    counted = (
        (tally.succeeded, "succeeded"),
        (tally.faster, "faster than expected"),
        (tally.streaks, "streaks of 100"),
        (tally.failed, "failed"),
        (tally.timed_out, "timed out"),
        (tally.cancelled, "cancelled"),
    )
    return ", ".join(f"{count} {word}" for count, word in counted if count) or event.cause
