"""Every island as the placement sees it, and what its owner wants to know beyond that.

The offer in a row is folded by `commands.fleet.offer_after`, the very function that the placing process uses, so both
say the same at the same position.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, get_args

from commands.event_log import Commit
from commands.fleet import AttemptEnd, island_of, offer_after
from domain.island_events import (
    IslandCameOnline,
    IslandEnrolled,
    IslandEvent,
    IslandRegistered,
    WorkCredited,
)
from domain.job_events import AttemptFailed, AttemptLost, JobAssigned, JobSucceeded
from domain.placement import Offer
from projections import named_sql
from projections.contract import Transaction
from projections.keyed_fold import KeyedFold
from projections.live_batch import KnownRows, Write, folded
from projections.table import Table

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))
OFFER_FIELDS: Final = tuple(field.name for field in fields(Offer))


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandRow(Offer):
    """`pending_minutes` count towards the next point of karma, `worked_ms` is all successful work so far.

    `jobs_failed` counts attempts that failed or were lost. `created_position` is the island's public number.
    """

    agent_version: str = ""
    protocol: int = 0
    gpu_model: str | None = None
    jobs_completed: int = 0
    jobs_failed: int = 0
    pending_minutes: int = 0
    worked_ms: int = 0
    enrolled_at_ms: int
    online_at_ms: int | None = None
    created_position: int
    position: int

    @property
    def offer(self) -> Offer:
        """The part that placement decides on."""
        return Offer(**{name: getattr(self, name) for name in OFFER_FIELDS})


def island_after(row: IslandRow | None, event: Any, position: int) -> IslandRow | None:
    """An event that changes nothing gives the same row."""
    offer = offer_after(row, event)
    if offer is None:
        return None
    if row is None:
        return new_island(offer, event, position)
    assert isinstance(offer, IslandRow)
    after = counted(offer, event)
    return row if after is row else replace(after, position=position)


def new_island(offer: Offer, event: IslandEnrolled, position: int) -> IslandRow:
    return IslandRow(
        **{name: getattr(offer, name) for name in OFFER_FIELDS},
        enrolled_at_ms=event.enrolled_at_ms,
        created_position=position,
        position=position,
    )


def counted(row: IslandRow, event: Any) -> IslandRow:
    """What the placement does not look at."""
    match event:
        case IslandRegistered():
            return replace(
                row,
                agent_version=event.agent_version,
                protocol=event.protocol,
                gpu_model=event.capabilities.gpu_model,
            )
        case IslandCameOnline():
            return replace(row, online_at_ms=event.online_at_ms)
        case JobSucceeded():
            return replace(row, jobs_completed=row.jobs_completed + 1)
        case AttemptFailed() | AttemptLost():
            return replace(row, jobs_failed=row.jobs_failed + 1)
        case WorkCredited():
            return replace(
                row, pending_minutes=event.pending_minutes, worked_ms=row.worked_ms + event.worked_ms
            )
        case _:
            return row


ISLANDS: Final = KeyedFold(
    table=Table(IslandRow, "islands", key=("island_id",)),
    concerns=frozenset({JobAssigned, *get_args(AttemptEnd), *get_args(IslandEvent)}),
    key_of=island_of,
    row_after=island_after,
)


class Placement:
    name = "placement"
    version = 1
    concerns = ISLANDS.concerns
    migrations = named_sql.migrations(SQL)
    tables: Mapping[str, tuple[str, ...]] = {ISLANDS.table.name: ISLANDS.table.key}

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        await ISLANDS.apply(tx, commits)

    async def writes(self, tx: Transaction, commits: Sequence[Commit], known: KnownRows) -> Sequence[Write]:
        return [await folded(fold, tx, commits, known) for fold in (ISLANDS,)]
