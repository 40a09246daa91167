"""What is known of an island, folded from its events. Decided upon in `domain.island` and its parts.

Called by the island's decider and by whoever needs an island as of a position of the log, the registrar above all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, assert_never

from domain.ids import AccountId, JobId
from domain.island_events import (
    AsksChanged,
    Capabilities,
    CapabilitiesVerified,
    CooldownStarted,
    DrainEnded,
    DrainLifted,
    DrainOrdered,
    DrainStarted,
    FloodPenalized,
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
    IslandRenamed,
    IslandRevoked,
    IslandSuspended,
    IslandWentOffline,
    KarmaPenalized,
    PayoutsUnlocked,
    ResultConfirmed,
    ResultContradicted,
    RuntimesChanged,
    VerificationWithdrawn,
    WarmCargosChanged,
    WorkCredited,
)
from domain.karma import WRONG_RESULT, Penalty, Standing
from domain.seen_ids import SeenIds

UNCHECKED_KEPT_MAX: Final = 10
"""Results of a runtime that are looked at again once the island is caught with a wrong one: the last ones."""


class Membership(StrEnum):
    """How far an island belongs to the network. A suspension is told beside it."""

    UNKNOWN = "unknown"  # It never joined.
    PENDING = "pending"  # It joined and waits for an account to vouch for it.
    PAIRED = "paired"  # An account vouches for it.
    REVOKED = "revoked"  # Its key counts no more, and it has not joined with a new one.
    REMOVED = "removed"  # It left.


@dataclass(frozen=True, slots=True, kw_only=True)
class Island:
    """`owner_id` is None until it is paired, and stays when it is revoked or removed.

    `told_asks_micro` are the asks that its daemon told last, `asks_micro` those in force.
    `told_at_ms` is when it last told, or its silence told, something new about how it is reached and what it offers.
    `is_draining` is its daemon's word, `is_drain_ordered` its owner's; with either it gets no jobs.
    `revoked_before_ms` is 0 where nothing was revoked. `standing` and what follows it outlive a removal.
    """

    membership: Membership = Membership.UNKNOWN
    owner_id: AccountId | None = None
    name: str = ""
    user_key: str | None = None
    local_id: str | None = None
    password_sha256: str | None = None
    agent_version: str | None = None
    capabilities: Capabilities | None = None
    is_online: bool = False
    is_draining: bool = False
    is_drain_ordered: bool = False
    is_approved: bool = False
    is_rejected: bool = False
    is_verified: bool = False
    asks_micro: Mapping[str, int] = field(default_factory=dict)
    told_asks_micro: Mapping[str, int] = field(default_factory=dict)
    warm_slugs: tuple[str, ...] = ()
    told_at_ms: int = 0
    has_payouts: bool = False
    is_suspended: bool = False
    standing: Standing = Standing()
    faults_in_row: int = 0
    judged: SeenIds = SeenIds()  # `<job>/<attempt>` that already moved karma.
    compared: SeenIds = SeenIds()  # `<job>/<attempt>` whose result counted for or against it.
    valid_in_row: Mapping[str, int] = field(default_factory=dict)  # By runtime.
    unchecked: Mapping[str, tuple[JobId, ...]] = field(default_factory=dict)  # The last ones by runtime.
    floods: SeenIds = SeenIds()  # Ids of floods that already moved karma.
    flooded_at_ms: int = 0  # When it was last penalized for a flood.
    revoked_keys: SeenIds = SeenIds()
    revoked_before_ms: int = 0

    @property
    def is_paired(self) -> bool:
        return self.membership is Membership.PAIRED

    @property
    def is_removed(self) -> bool:
        return self.membership is Membership.REMOVED


def evolve(island: Island, event: IslandEvent) -> Island:
    match event:
        case (
            IslandEnrolled()
            | IslandPaired()
            | IslandKeyReplaced()
            | IslandRenamed()
            | IslandRemoved()
            | IslandRevoked()
        ):
            return evolve_membership(island, event)
        case (
            IslandRegistered()
            | IslandCameOnline()
            | IslandWentOffline()
            | DrainStarted()
            | DrainEnded()
            | AsksChanged()
            | RuntimesChanged()
            | WarmCargosChanged()
        ):
            return evolve_offer(island, event)
        case WorkCredited() | KarmaPenalized() | FloodPenalized():
            return evolve_karma(island, event)
        case ResultConfirmed() | ResultContradicted():
            return evolve_results(island, event)
        case PayoutsUnlocked():
            return replace(island, has_payouts=True)
        case IslandSuspended():
            return replace(island, is_suspended=True)
        case IslandReinstated():
            return replace(island, is_suspended=False)
        case IslandApproved() | IslandRejected() | CapabilitiesVerified() | VerificationWithdrawn():
            return evolve_oversight(island, event)
        case DrainOrdered():
            return replace(island, is_drain_ordered=True)
        case DrainLifted():
            return replace(island, is_drain_ordered=False)
        case CooldownStarted():
            return island
        case _:
            assert_never(event)


def evolve_oversight(
    island: Island, event: IslandApproved | IslandRejected | CapabilitiesVerified | VerificationWithdrawn
) -> Island:
    match event:
        case IslandApproved():
            return replace(island, is_approved=True, is_rejected=False)
        case IslandRejected():
            return replace(island, is_approved=False, is_rejected=True)
        case CapabilitiesVerified():
            return replace(island, is_verified=True)
        case VerificationWithdrawn():
            return replace(island, is_verified=False)
        case _:
            assert_never(event)


def evolve_offer(
    island: Island,
    event: IslandRegistered
    | IslandCameOnline
    | IslandWentOffline
    | DrainStarted
    | DrainEnded
    | AsksChanged
    | RuntimesChanged
    | WarmCargosChanged,
) -> Island:
    match event:
        case IslandRegistered():
            registered = replace(island, capabilities=event.capabilities, agent_version=event.agent_version)
            return told(registered, event.registered_at_ms)
        case IslandCameOnline():
            return told(replace(island, is_online=True), event.online_at_ms)
        case IslandWentOffline():
            return told(replace(island, is_online=False), event.offline_at_ms)
        case DrainStarted():
            return told(replace(island, is_draining=True), event.drained_at_ms)
        case DrainEnded():
            return told(replace(island, is_draining=False), event.resumed_at_ms)
        case AsksChanged():
            told_micro = event.asks_micro if event.told_micro is None else event.told_micro
            asked = replace(island, asks_micro=event.asks_micro, told_asks_micro=told_micro)
            return told(asked, event.changed_at_ms)
        case RuntimesChanged():
            return told(with_runtimes(island, event), event.changed_at_ms)
        case WarmCargosChanged():
            return told(replace(island, warm_slugs=event.slugs), event.changed_at_ms)
        case _:
            assert_never(event)


def told(island: Island, at_ms: int) -> Island:
    return replace(island, told_at_ms=max(island.told_at_ms, at_ms))


def with_runtimes(island: Island, event: RuntimesChanged) -> Island:
    if island.capabilities is None:  # Never decided, but whatever was stored can be folded.
        return island
    told_now = replace(
        island.capabilities,
        runtimes=event.runtimes,
        gpu_bandwidth_mb_s=event.gpu_bandwidth_mb_s,
        formats=event.formats,
    )
    return replace(island, capabilities=told_now)


def evolve_membership(
    island: Island,
    event: IslandEnrolled | IslandPaired | IslandKeyReplaced | IslandRenamed | IslandRemoved | IslandRevoked,
) -> Island:
    match event:
        case IslandEnrolled():
            return joined(island, event)
        case IslandPaired():
            return replace(island, membership=Membership.PAIRED, owner_id=event.owner_id)
        case IslandKeyReplaced():
            was_revoked = island.membership is Membership.REVOKED
            membership = Membership.PENDING if was_revoked else island.membership
            return replace(island, membership=membership, user_key=event.user_key)
        case IslandRenamed():
            return replace(island, name=event.name)
        case IslandRemoved():
            return replace(island, membership=Membership.REMOVED, is_online=False)
        case IslandRevoked():
            return revoked(island, event)
        case _:
            assert_never(event)


def joined(island: Island, event: IslandEnrolled) -> Island:
    """Everything anew but what an island must not shake off by leaving, nor lose by it.

    Whoever is suspended cannot join, so there is no suspension to keep.
    """
    return Island(
        membership=Membership.PENDING if event.owner_id is None else Membership.PAIRED,
        owner_id=event.owner_id,
        name=event.name,
        user_key=event.user_key,
        local_id=event.local_id,
        password_sha256=event.password_sha256,
        told_at_ms=event.enrolled_at_ms,
        standing=island.standing,
        faults_in_row=island.faults_in_row,
        judged=island.judged,
        compared=island.compared,
        unchecked=island.unchecked,
        floods=island.floods,
        revoked_keys=island.revoked_keys,
        revoked_before_ms=island.revoked_before_ms,
    )


def revoked(island: Island, event: IslandRevoked) -> Island:
    keys = island.revoked_keys
    return replace(
        island,
        membership=Membership.REVOKED,
        is_approved=False,
        user_key=None,
        password_sha256=None,
        revoked_keys=keys if island.user_key is None else keys.with_id(island.user_key),
        revoked_before_ms=event.revoked_at_ms,
    )


def judgement(job_id: str, attempt: int, penalty: Penalty | None = None) -> str:
    """What makes a change of karma happen once: the attempt it judges.

    A result that proves wrong is judged besides, for it may have been credited long before.
    """
    once = f"{job_id}/{attempt}"
    return f"{once}/{penalty}" if penalty in WRONG_RESULT else once


def evolve_results(island: Island, event: ResultConfirmed | ResultContradicted) -> Island:
    compared = island.compared.with_id(judgement(event.job_id, event.attempt))
    in_row = event.in_row if isinstance(event, ResultConfirmed) else 0
    island = replace(island, compared=compared, valid_in_row={**island.valid_in_row, event.runtime: in_row})
    if isinstance(event, ResultConfirmed):
        return island
    doubted = set(event.doubted)
    trusted = tuple(job for job in island.unchecked.get(event.runtime, ()) if job not in doubted)
    return replace(island, unchecked={**island.unchecked, event.runtime: trusted})


def with_unchecked(island: Island, event: WorkCredited) -> Island:
    if event.unchecked is None:
        return island
    last = (*island.unchecked.get(event.unchecked, ()), event.job_id)[-UNCHECKED_KEPT_MAX:]
    return replace(island, unchecked={**island.unchecked, event.unchecked: last})


def evolve_karma(island: Island, event: WorkCredited | KarmaPenalized | FloodPenalized) -> Island:
    match event:
        case WorkCredited():
            standing = Standing(
                karma=event.karma, pending_minutes=event.pending_minutes, pending_ms=event.pending_ms
            )
            judged = island.judged.with_id(judgement(event.job_id, event.attempt))
            island = with_unchecked(island, event)
            return replace(island, standing=standing, faults_in_row=0, judged=judged)
        case KarmaPenalized():
            judged = island.judged.with_id(judgement(event.job_id, event.attempt, event.penalty))
            island = replace(island, judged=judged)
        case FloodPenalized():
            island = replace(
                island,
                floods=island.floods.with_id(event.flood_id),
                flooded_at_ms=event.penalized_at_ms,
            )
        case _:
            assert_never(event)
    standing = replace(island.standing, karma=event.karma)
    return replace(island, standing=standing, faults_in_row=event.faults_in_row)
