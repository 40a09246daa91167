"""An island: a contributor's machine. What it offers, whether it can be reached, and the karma it has earned.

Heartbeats are claims and stay in their own stream; only what changes a placement or an account of trust becomes an
event here. Karma follows jobs, each attempt once, with its cause in the event: `karma 41 = 38 work - 2 lease lost ...`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from domain.decider import Decider
from domain.ids import AccountId, IslandId, JobId
from domain.island_commands import (
    CreditWork,
    EnrolIsland,
    IslandCommand,
    MarkOffline,
    PenalizeKarma,
    RecordHeartbeat,
    RegisterIsland,
    ReinstateIsland,
)
from domain.island_events import (
    Absence,
    AsksChanged,
    Capabilities,
    CooldownStarted,
    DrainEnded,
    DrainStarted,
    IslandApproved,
    IslandCameOnline,
    IslandEnrolled,
    IslandEvent,
    IslandRegistered,
    IslandReinstated,
    IslandSuspended,
    IslandWentOffline,
    KarmaPenalized,
    PayoutsUnlocked,
    WarmCargosChanged,
    WorkCredited,
)
from domain.karma import (
    KARMA_RULES_VERSION,
    PAYOUT_KARMA,
    PENALTY_POINTS,
    SUSPENSION_KARMA,
    Standing,
    after_work,
    cooldown_ms,
    multiplier_permille,
)
from domain.rejection import Rejected, Rejection
from domain.seen_ids import SeenIds


@dataclass(frozen=True, slots=True, kw_only=True)
class Island:
    owner_id: AccountId | None = None
    agent_version: str | None = None
    capabilities: Capabilities | None = None
    is_online: bool = False
    is_draining: bool = False
    is_suspended: bool = False
    asks_micro: Mapping[str, int] = field(default_factory=dict)
    warm_slugs: tuple[str, ...] = ()
    standing: Standing = Standing()
    has_payouts: bool = False
    faults_in_row: int = 0
    judged: SeenIds = SeenIds()  # `<job>/<attempt>` that already moved karma.


def decide(island: Island, command: IslandCommand) -> list[IslandEvent]:
    if isinstance(command, EnrolIsland):
        return enrol(island, command)
    if island.owner_id is None:
        raise Rejected(Rejection.ISLAND_UNKNOWN, f"island {command.island_id} is not enrolled")
    match command:
        case RegisterIsland():
            return register(island, command)
        case RecordHeartbeat():
            return record_heartbeat(island, command)
        case MarkOffline():
            return go_offline(island, command, Absence.HEARTBEATS_MISSED)
        case CreditWork():
            return credit_work(island, island.owner_id, command)
        case PenalizeKarma():
            return penalize(island, command)
        case ReinstateIsland():
            return reinstate(island, command)
        case _:
            assert_never(command)


def enrol(island: Island, command: EnrolIsland) -> list[IslandEvent]:
    if island.owner_id == command.owner_id:
        return []
    if island.owner_id is not None:
        raise Rejected(Rejection.OWNER_DIFFERS, f"island {command.island_id} belongs to another account")
    return [
        IslandEnrolled(
            island_id=command.island_id,
            owner_id=command.owner_id,
            name=command.name,
            enrolled_at_ms=command.now_ms,
        ),
        IslandApproved(island_id=command.island_id, approved_at_ms=command.now_ms),
    ]


def register(island: Island, command: RegisterIsland) -> list[IslandEvent]:
    events: list[IslandEvent] = []
    if (island.capabilities, island.agent_version) != (command.capabilities, command.agent_version):
        events.append(
            IslandRegistered(
                island_id=command.island_id,
                agent_version=command.agent_version,
                protocol=command.protocol,
                capabilities=command.capabilities,
                registered_at_ms=command.now_ms,
            )
        )
    return events + changed_asks(island, command.island_id, command.asks_micro, command.now_ms)


def record_heartbeat(island: Island, command: RecordHeartbeat) -> list[IslandEvent]:
    if command.is_leaving:
        return go_offline(island, command, Absence.GOODBYE)
    at, island_id = command.now_ms, command.island_id
    events: list[IslandEvent] = []
    if not island.is_online:
        events.append(IslandCameOnline(island_id=island_id, online_at_ms=at))
    if command.is_draining and not island.is_draining:
        events.append(DrainStarted(island_id=island_id, drained_at_ms=at))
    if island.is_draining and not command.is_draining:
        events.append(DrainEnded(island_id=island_id, resumed_at_ms=at))
    if command.warm_slugs != island.warm_slugs:
        events.append(WarmCargosChanged(island_id=island_id, slugs=command.warm_slugs, changed_at_ms=at))
    return events + changed_asks(island, island_id, command.asks_micro, at)


def changed_asks(
    island: Island, island_id: IslandId, asks_micro: Mapping[str, int], now_ms: int
) -> list[IslandEvent]:
    if asks_micro == island.asks_micro:
        return []
    return [AsksChanged(island_id=island_id, asks_micro=asks_micro, changed_at_ms=now_ms)]


def go_offline(island: Island, command: MarkOffline | RecordHeartbeat, reason: Absence) -> list[IslandEvent]:
    if not island.is_online:
        return []
    return [IslandWentOffline(island_id=command.island_id, reason=reason, offline_at_ms=command.now_ms)]


def judgement(job_id: JobId, attempt: int) -> str:
    """What makes a change of karma happen once: the attempt it judges."""
    return f"{job_id}/{attempt}"


def credit_work(island: Island, owner_id: AccountId, command: CreditWork) -> list[IslandEvent]:
    assert command.worked_ms >= 0
    if judgement(command.job_id, command.attempt) in island.judged:
        return []
    before, after = island.standing, after_work(island.standing, command.worked_ms)
    events: list[IslandEvent] = [
        WorkCredited(
            island_id=command.island_id,
            job_id=command.job_id,
            attempt=command.attempt,
            worked_ms=command.worked_ms,
            multiplier_permille=multiplier_permille(before.karma),
            karma_delta=after.karma - before.karma,
            karma=after.karma,
            pending_minutes=after.pending_minutes,
            pending_ms=after.pending_ms,
            karma_rules_version=KARMA_RULES_VERSION,
            credited_at_ms=command.now_ms,
        )
    ]
    if after.karma >= PAYOUT_KARMA and not island.has_payouts:
        events.append(
            PayoutsUnlocked(island_id=command.island_id, owner_id=owner_id, unlocked_at_ms=command.now_ms)
        )
    return events


def penalize(island: Island, command: PenalizeKarma) -> list[IslandEvent]:
    if judgement(command.job_id, command.attempt) in island.judged:
        return []
    points = PENALTY_POINTS[command.penalty]
    karma, faults = island.standing.karma - points, island.faults_in_row + 1
    events: list[IslandEvent] = [
        KarmaPenalized(
            island_id=command.island_id,
            job_id=command.job_id,
            attempt=command.attempt,
            penalty=command.penalty,
            karma_delta=-points,
            karma=karma,
            faults_in_row=faults,
            karma_rules_version=KARMA_RULES_VERSION,
            penalized_at_ms=command.now_ms,
        )
    ]
    if pause_ms := cooldown_ms(faults):
        events.append(
            CooldownStarted(
                island_id=command.island_id, until_ms=command.now_ms + pause_ms, faults_in_row=faults
            )
        )
    if karma < SUSPENSION_KARMA and not island.is_suspended:
        events.append(
            IslandSuspended(
                island_id=command.island_id,
                reason=f"karma fell to {karma}, below {SUSPENSION_KARMA}",
                suspended_at_ms=command.now_ms,
            )
        )
    return events


def reinstate(island: Island, command: ReinstateIsland) -> list[IslandEvent]:
    if not island.is_suspended:
        return []
    return [IslandReinstated(island_id=command.island_id, reinstated_at_ms=command.now_ms)]


def evolve(island: Island, event: IslandEvent) -> Island:
    match event:
        case IslandEnrolled():
            return replace(island, owner_id=event.owner_id)
        case IslandRegistered():
            return replace(island, capabilities=event.capabilities, agent_version=event.agent_version)
        case IslandCameOnline():
            return replace(island, is_online=True)
        case IslandWentOffline():
            return replace(island, is_online=False)
        case DrainStarted():
            return replace(island, is_draining=True)
        case DrainEnded():
            return replace(island, is_draining=False)
        case AsksChanged():
            return replace(island, asks_micro=event.asks_micro)
        case WarmCargosChanged():
            return replace(island, warm_slugs=event.slugs)
        case WorkCredited() | KarmaPenalized():
            return evolve_karma(island, event)
        case PayoutsUnlocked():
            return replace(island, has_payouts=True)
        case IslandSuspended():
            return replace(island, is_suspended=True)
        case IslandReinstated():
            return replace(island, is_suspended=False)
        case IslandApproved() | CooldownStarted():
            return island
        case _:
            assert_never(event)


def evolve_karma(island: Island, event: WorkCredited | KarmaPenalized) -> Island:
    judged = island.judged.with_id(judgement(event.job_id, event.attempt))
    match event:
        case WorkCredited():
            standing = Standing(
                karma=event.karma, pending_minutes=event.pending_minutes, pending_ms=event.pending_ms
            )
            return replace(island, standing=standing, faults_in_row=0, judged=judged)
        case KarmaPenalized():
            standing = replace(island.standing, karma=event.karma)
            return replace(island, standing=standing, faults_in_row=event.faults_in_row, judged=judged)
        case _:
            assert_never(event)


ISLAND: Decider[IslandCommand, Island, IslandEvent] = Decider("island", Island(), decide, evolve)
