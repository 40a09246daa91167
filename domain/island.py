"""An island: a contributor's machine. Whether it belongs, what it offers, and whether it can be reached.

Heartbeats are claims and stay in their own stream; only what changes a placement or an account of trust becomes an
event here. Who belongs is decided in `domain.island_membership`, who is trusted in `domain.island_karma`.
"""

from dataclasses import replace
from typing import Final, assert_never

from domain.decider import Decider
from domain.island_asks import set_ask, told_asks
from domain.island_commands import (
    ApproveIsland,
    ConfirmResult,
    ContradictResult,
    CreditWork,
    DrainIsland,
    EnrolIsland,
    EnrolPasswordIsland,
    IslandCommand,
    MarkOffline,
    PairIsland,
    PenalizeFlood,
    PenalizeKarma,
    RecordHeartbeat,
    RegisterIsland,
    ReinstateIsland,
    RejectIsland,
    RemoveIsland,
    RenameIsland,
    ResumeIsland,
    RevokeIsland,
    SetAsk,
    SuspendIsland,
    VerifyCapabilities,
    WithdrawVerification,
)
from domain.island_drain import drain, resume, told_drain
from domain.island_events import (
    Absence,
    IslandCameOnline,
    IslandEvent,
    IslandRegistered,
    IslandWentOffline,
    RuntimesChanged,
    WarmCargosChanged,
)
from domain.island_karma import credit_work, penalize, penalize_flood
from domain.island_membership import (
    enrol,
    enrol_with_password,
    pair,
    reinstate,
    remove,
    rename,
    revoke,
    suspend,
)
from domain.island_oversight import oversee
from domain.island_results import confirm, contradict
from domain.island_state import Island, Membership, evolve, with_runtimes
from domain.rejection import Rejected, Rejection

FIRST_DIALECT: Final = 1
"""The protocol of daemons that name their runtimes and asks in heartbeats and not when they register."""

ForMember = (
    PairIsland
    | RenameIsland
    | RevokeIsland
    | DrainIsland
    | ResumeIsland
    | RegisterIsland
    | RecordHeartbeat
    | SetAsk
)


def decide(island: Island, command: IslandCommand) -> list[IslandEvent]:
    match command:
        case EnrolIsland():
            return enrol(island, command)
        case EnrolPasswordIsland():
            return enrol_with_password(island, command)
        case _ if island.membership is Membership.UNKNOWN:
            raise Rejected(Rejection.ISLAND_UNKNOWN, f"island {command.island_id} is not enrolled")
        case RemoveIsland():
            return remove(island, command)
        case ApproveIsland() | RejectIsland() | VerifyCapabilities() | WithdrawVerification():
            return oversee(island, command)
        case SuspendIsland():
            return suspend(island, command)
        case ReinstateIsland():
            return reinstate(island, command)
        case CreditWork():
            return credit_work(island, command)
        case ConfirmResult():
            return confirm(island, command)
        case ContradictResult():
            return contradict(island, command)
        case PenalizeKarma():
            return penalize(island, command)
        case PenalizeFlood():
            return penalize_flood(island, command)
        case MarkOffline():
            return go_offline(island, command, Absence.HEARTBEATS_MISSED)
        case _:
            return decide_for_member(island, command)


def decide_for_member(island: Island, command: ForMember) -> list[IslandEvent]:
    """What makes no sense for an island that has left."""
    if island.is_removed:
        raise Rejected(Rejection.ISLAND_REMOVED, f"island {command.island_id} was removed; enrol it again")
    match command:
        case PairIsland():
            return pair(island, command)
        case RenameIsland():
            return rename(island, command)
        case RevokeIsland():
            return revoke(island, command)
        case DrainIsland():
            return drain(island, command)
        case ResumeIsland():
            return resume(island, command)
        case RegisterIsland():
            return register(island, command)
        case RecordHeartbeat():
            return record_heartbeat(island, command)
        case SetAsk():
            return [*set_ask(island, command)]
        case _:
            assert_never(command)


def register(island: Island, command: RegisterIsland) -> list[IslandEvent]:
    if not island.is_paired or is_old(island, command):
        return []  # It registers again once it is paired.
    command = with_what_was_told(island, command)
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
    return events + told_asks(island, command.island_id, command.asks_micro, command.now_ms)


def is_old(island: Island, command: RegisterIsland | RecordHeartbeat) -> bool:
    """Whether it was said before something newer, and only arrives or is delivered again now."""
    return command.now_ms < island.told_at_ms


def with_what_was_told(island: Island, command: RegisterIsland) -> RegisterIsland:
    """What an island leaves to its heartbeats stays as it told it last."""
    if command.protocol != FIRST_DIALECT:
        return command
    known, capabilities = island.capabilities, command.capabilities
    if known is not None:
        capabilities = replace(
            capabilities,
            runtimes=capabilities.runtimes or known.runtimes,
            gpu_bandwidth_mb_s=known.gpu_bandwidth_mb_s,
            formats=known.formats,
        )
    return replace(
        command,
        capabilities=capabilities,
        asks_micro=command.asks_micro or island.told_asks_micro,
    )


def record_heartbeat(island: Island, command: RecordHeartbeat) -> list[IslandEvent]:
    if not island.is_paired or is_old(island, command):
        return []
    if command.is_leaving:
        return go_offline(island, command, Absence.GOODBYE)
    at, island_id = command.now_ms, command.island_id
    events: list[IslandEvent] = []
    if not island.is_online:
        events.append(IslandCameOnline(island_id=island_id, online_at_ms=at))
    events += told_drain(island, command)
    if command.warm_slugs != island.warm_slugs:
        events.append(WarmCargosChanged(island_id=island_id, slugs=command.warm_slugs, changed_at_ms=at))
    return [
        *events,
        *changed_runtimes(island, command),
        *told_asks(island, island_id, command.asks_micro, at),
    ]


def changed_runtimes(island: Island, command: RecordHeartbeat) -> list[IslandEvent]:
    """Nothing before it has registered: the next heartbeat names them again."""
    if command.runtimes is None or island.capabilities is None:
        return []
    event = RuntimesChanged(
        island_id=command.island_id,
        runtimes=command.runtimes,
        gpu_bandwidth_mb_s=command.gpu_bandwidth_mb_s,
        formats=command.formats,
        changed_at_ms=command.now_ms,
    )
    return [] if with_runtimes(island, event) == island else [event]


def go_offline(island: Island, command: MarkOffline | RecordHeartbeat, reason: Absence) -> list[IslandEvent]:
    if not island.is_online:
        return []
    return [IslandWentOffline(island_id=command.island_id, reason=reason, offline_at_ms=command.now_ms)]


ISLAND: Decider[IslandCommand, Island, IslandEvent] = Decider("island", Island(), decide, evolve)
