"""The catalogue: the latest version of every cargo, and all versions there were."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, assert_never, get_args

from commands.event_log import Commit
from domain.cargo_events import CargoDisabled, CargoEnabled, CargoEvent, CargoPublished
from domain.cargo_spec import CargoVersion
from domain.ids import CargoSlug
from projections import named_sql
from projections.contract import Transaction
from projections.keyed_fold import KeyedFold
from projections.live_batch import KnownRows, Write, folded
from projections.table import Table

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoRow:
    """`cargo` is the latest version, `published_at_ms` its moment. `created_position` is the cargo's public number."""

    slug: CargoSlug
    cargo: CargoVersion
    is_disabled: bool = False
    disabled_reason: str | None = None
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
    match event:
        case CargoPublished():
            return CargoRow(
                slug=event.cargo.spec.slug,
                cargo=event.cargo,
                is_disabled=row is not None and row.is_disabled,
                disabled_reason=row.disabled_reason if row else None,
                published_at_ms=event.published_at_ms,
                created_position=row.created_position if row else position,
                position=position,
            )
        case CargoDisabled():
            return row and replace(row, is_disabled=True, disabled_reason=event.reason, position=position)
        case CargoEnabled():
            return row and replace(row, is_disabled=False, disabled_reason=None, position=position)
        case _:
            assert_never(event)


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


class Cargos:
    name = "cargos"
    version = 1
    concerns = CARGOS.concerns
    migrations = named_sql.migrations(SQL)
    tables: Mapping[str, tuple[str, ...]] = {
        fold.table.name: fold.table.key for fold in (CARGOS, CARGO_VERSIONS)
    }

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        await CARGOS.apply(tx, commits)
        await CARGO_VERSIONS.apply(tx, commits)

    async def writes(self, tx: Transaction, commits: Sequence[Commit], known: KnownRows) -> Sequence[Write]:
        return [await folded(fold, tx, commits, known) for fold in (CARGOS, CARGO_VERSIONS)]
