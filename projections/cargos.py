"""The catalogue: the latest version of every cargo with its standing, all versions there were, its history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
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
from domain.cargo_spec import CargoVersion
from domain.ids import CargoSlug
from domain.reputation import Standing, with_complaint, with_rating, with_tally
from projections import named_sql
from projections.cargo_changes import CARGO_CHANGES, changes_of
from projections.contract import Transaction
from projections.keyed_fold import KeyedFold
from projections.live_batch import KnownRows, Write, folded
from projections.table import Table

EventAfterPublication = (
    CargoDisabled
    | CargoEnabled
    | ReputationChanged
    | TrustLevelChanged
    | CargoScanned
    | CargoSubmittedForReview
    | CargoReviewed
    | CargoRated
    | ComplaintFiled
    | IncidentRecorded
)
SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoRow:
    """`cargo` is the latest version, `published_at_ms` its moment. `created_position` is the cargo's public number.

    `trust_level` is the present one, the version has the one that was asked for. `awaits_review_since_ms` is set while
    staff have to look at it.
    """

    slug: CargoSlug
    cargo: CargoVersion
    trust_level: int
    is_first_party: bool = False
    is_disabled: bool = False
    is_killed: bool = False
    disabled_reason: str | None = None
    standing: Standing = Standing()
    awaits_review_since_ms: int | None = None
    published_at_ms: int
    created_position: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoVersionRow:
    slug: CargoSlug
    version: str
    cargo: CargoVersion
    published_at_ms: int
    position: int


def cargo_after(row: CargoRow | None, event: CargoEvent, position: int) -> CargoRow | None:
    if isinstance(event, CargoPublished):
        return published(row, event, position)
    changed = row and changed_cargo(row, event)
    return changed and replace(changed, position=position)


def published(row: CargoRow | None, event: CargoPublished, position: int) -> CargoRow:
    spec = event.cargo.spec
    new = CargoRow(
        slug=spec.slug,
        cargo=event.cargo,
        trust_level=spec.trust_level if event.trust_level is None else event.trust_level,
        is_first_party=event.is_first_party,
        published_at_ms=event.published_at_ms,
        created_position=position,
        position=position,
    )
    if row is None:
        return new
    return replace(
        row,
        cargo=new.cargo,
        trust_level=new.trust_level,
        is_first_party=new.is_first_party,
        published_at_ms=new.published_at_ms,
        position=position,
    )


def changed_cargo(row: CargoRow, event: EventAfterPublication) -> CargoRow:
    match event:
        case CargoDisabled():
            return disabled(row, event)
        case CargoEnabled():
            return replace(row, is_disabled=False, is_killed=False, disabled_reason=None)
        case ReputationChanged():
            standing = with_tally(row.standing, event.tally, event.reputation_milli)
            return replace(row, standing=standing)
        case TrustLevelChanged():
            return replace(row, trust_level=event.to_level)
        case CargoSubmittedForReview():
            return replace(row, awaits_review_since_ms=event.submitted_at_ms)
        case CargoReviewed():
            return replace(row, awaits_review_since_ms=None)
        case CargoRated():
            return replace(row, standing=with_rating(row.standing, event.stars, event.previous_stars))
        case ComplaintFiled():
            return replace(row, standing=with_complaint(row.standing))
        case CargoScanned() | IncidentRecorded():
            return row
        case _:
            assert_never(event)


def disabled(row: CargoRow, event: CargoDisabled) -> CargoRow:
    waits_since_ms = event.disabled_at_ms if event.cause.needs_review else None
    return replace(
        row,
        is_disabled=True,
        is_killed=event.is_killed,
        disabled_reason=event.reason,
        awaits_review_since_ms=row.awaits_review_since_ms or waits_since_ms,
    )


def cargo_version_after(
    _row: CargoVersionRow | None, event: CargoPublished, position: int
) -> CargoVersionRow:
    return CargoVersionRow(
        slug=event.cargo.spec.slug,
        version=event.cargo.spec.version,
        cargo=event.cargo,
        published_at_ms=event.published_at_ms,
        position=position,
    )


def slug_of(event: CargoEvent) -> CargoSlug:
    return event.cargo.spec.slug if isinstance(event, CargoPublished) else event.slug


CARGOS: Final = KeyedFold(
    table=Table(CargoRow, "cargos", key=("slug",)),
    concerns=frozenset(get_args(CargoEvent)),
    key_of=slug_of,
    row_after=cargo_after,
)
CARGO_VERSIONS: Final = KeyedFold(
    table=Table(CargoVersionRow, "cargo_versions", key=("slug", "version")),
    concerns=frozenset({CargoPublished}),
    key_of=lambda event: (event.cargo.spec.slug, event.cargo.spec.version),
    row_after=cargo_version_after,
)


FOLDS: Final = (CARGOS, CARGO_VERSIONS)


class Cargos:
    name = "cargos"
    version = 1
    concerns = CARGOS.concerns
    migrations = named_sql.migrations(SQL)
    tables: Mapping[str, tuple[str, ...]] = {
        table.name: table.key for table in (*(fold.table for fold in FOLDS), CARGO_CHANGES)
    }

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        for fold in FOLDS:
            await fold.apply(tx, commits)
        changes = [change for commit in commits for change in changes_of(commit)]
        if changes:
            await CARGO_CHANGES.insert(tx, changes)

    async def writes(self, tx: Transaction, commits: Sequence[Commit], known: KnownRows) -> Sequence[Write]:
        changes = [change for commit in commits for change in changes_of(commit)]
        rows = [await folded(fold, tx, commits, known) for fold in FOLDS]
        return [*rows, Write(table=CARGO_CHANGES, rows=changes, is_insert=True)]
