"""Every island as the placement sees it, and what its owner wants to know beyond that.

The offer in a row is folded by `commands.fleet.offer_after`, the very function that the placing process uses, so both
say the same at the same position.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, get_args

from commands.event_log import Commit
from commands.fleet import AttemptEnd, island_of, offer_after
from domain.island_events import (
    CapabilitiesVerified,
    DrainLifted,
    DrainOrdered,
    IslandApproved,
    IslandCameOnline,
    IslandEnrolled,
    IslandEvent,
    IslandKeyReplaced,
    IslandPaired,
    IslandRegistered,
    IslandReinstated,
    IslandRejected,
    IslandRemoved,
    IslandRevoked,
    IslandSuspended,
    VerificationWithdrawn,
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


class IslandStatus(StrEnum):
    """How an island stands, in one word for its owner. Where several are true the first one counts."""

    REMOVED = "removed"  # It left the network.
    REVOKED = "revoked"  # Its key counts no more; it has to join with a new one.
    SUSPENDED = "suspended"  # No jobs until an operator reinstates it.
    REJECTED = "rejected"  # An operator would not have it.
    PENDING = "pending"  # It waits to be approved, or was revoked and waits to be paired again.
    OFFLINE = "offline"  # It is not heard of.
    DRAINING = "draining"  # It finishes what it has and takes nothing new.
    ONLINE = "online"  # It takes jobs.


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandRow(Offer):
    """`pending_minutes` count towards the next point of karma, `worked_ms` is all successful work so far.

    `jobs_failed` counts attempts that failed or were lost. `created_position` is the island's public number.
    `enrolled_at_ms` is since when it belongs to its owner. `bar_reason` says why it is suspended, revoked or rejected,
    and `barred_at_ms` since when. `verified_at_ms` is when an operator found its capabilities to be as told.
    """

    local_id: str | None = None
    agent_version: str = ""
    protocol: int = 0
    gpu_model: str | None = None
    jobs_completed: int = 0
    jobs_failed: int = 0
    pending_minutes: int = 0
    worked_ms: int = 0
    is_revoked: bool = False
    is_removed: bool = False
    is_rejected: bool = False
    is_drain_ordered: bool = False
    bar_reason: str = ""
    barred_at_ms: int | None = None
    verified_at_ms: int | None = None
    verification_notes: str = ""
    enrolled_at_ms: int
    online_at_ms: int | None = None
    created_position: int
    position: int

    @property
    def offer(self) -> Offer:
        """The part that placement decides on."""
        return Offer(**{name: getattr(self, name) for name in OFFER_FIELDS})

    @property
    def status(self) -> IslandStatus:
        said = {
            IslandStatus.REMOVED: self.is_removed,
            IslandStatus.REVOKED: self.is_revoked,
            IslandStatus.SUSPENDED: self.is_suspended,
            IslandStatus.REJECTED: self.is_rejected,
            IslandStatus.PENDING: not self.is_approved,
            IslandStatus.OFFLINE: not self.is_online,
            IslandStatus.DRAINING: self.is_draining,
        }
        return next((status for status, is_so in said.items() if is_so), IslandStatus.ONLINE)


def island_after(row: IslandRow | None, event: Any, position: int) -> IslandRow | None:
    """An event that changes nothing gives the same row. None until it is paired; a removed island keeps its row."""
    before = None if row is None or row.is_removed else row
    if before is not None and isinstance(event, IslandRemoved):
        return replace(before, is_removed=True, is_online=False, position=position)
    offer = offer_after(before, event)
    if offer is None:
        return row
    if before is None:
        return new_island(offer, event, position, row)
    assert isinstance(offer, IslandRow)
    after = counted(offer, event)
    return before if after is before else replace(after, position=position)


def new_island(
    offer: Offer, event: IslandEnrolled | IslandPaired, position: int, former: IslandRow | None
) -> IslandRow:
    """What it did before it was removed stays on its record."""
    return IslandRow(
        **{name: getattr(offer, name) for name in OFFER_FIELDS},
        local_id=event.local_id if isinstance(event, IslandEnrolled) else None,
        jobs_completed=former.jobs_completed if former else 0,
        jobs_failed=former.jobs_failed if former else 0,
        pending_minutes=former.pending_minutes if former else 0,
        worked_ms=former.worked_ms if former else 0,
        enrolled_at_ms=event.enrolled_at_ms if isinstance(event, IslandEnrolled) else event.paired_at_ms,
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
        case IslandKeyReplaced() if row.is_revoked:
            return replace(row, is_revoked=False)
        case IslandRevoked():
            return barred(replace(row, is_revoked=True), event.reason, event.revoked_at_ms)
        case IslandSuspended():
            return barred(row, event.reason, event.suspended_at_ms)
        case IslandRejected():
            return barred(replace(row, is_rejected=True), event.reason, event.rejected_at_ms)
        case IslandReinstated():
            return barred(row, "", None)
        case IslandApproved():
            return barred(replace(row, is_rejected=False), "", None)
        case CapabilitiesVerified():
            return replace(row, verified_at_ms=event.verified_at_ms, verification_notes=event.notes)
        case VerificationWithdrawn():
            return replace(row, verified_at_ms=None, verification_notes=event.reason)
        case DrainOrdered():
            return replace(row, is_drain_ordered=True)
        case DrainLifted():
            return replace(row, is_drain_ordered=False)
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


def barred(row: IslandRow, reason: str, at_ms: int | None) -> IslandRow:
    return replace(row, bar_reason=reason, barred_at_ms=at_ms)


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
