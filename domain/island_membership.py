"""How an island joins, is vouched for, is barred and leaves. The part of `domain.island` that decides who belongs.

Whoever joins has proved to hold the keys it names; that is checked before a command is made. A key that was revoked
never counts again, a suspension ends by an operator's word only, and an island has one owner as long as it belongs.
"""

from domain.ids import AccountId, IslandId
from domain.island_commands import (
    EnrolIsland,
    EnrolPasswordIsland,
    PairIsland,
    ReinstateIsland,
    RemoveIsland,
    RenameIsland,
    RevokeIsland,
    SuspendIsland,
)
from domain.island_events import (
    IslandApproved,
    IslandEnrolled,
    IslandEvent,
    IslandKeyReplaced,
    IslandPaired,
    IslandReinstated,
    IslandRemoved,
    IslandRenamed,
    IslandRevoked,
    IslandSuspended,
)
from domain.island_state import Island, Membership
from domain.rejection import Rejected, Rejection


def enrol(island: Island, command: EnrolIsland) -> list[IslandEvent]:
    if command.user_key in island.revoked_keys:
        raise Rejected(Rejection.KEY_REVOKED, "user_key: was revoked; join with a new one")
    if island.membership in (Membership.UNKNOWN, Membership.REMOVED):
        return join(island, command, user_key=command.user_key)
    events: list[IslandEvent] = []
    if command.user_key != island.user_key:
        events.append(
            IslandKeyReplaced(
                island_id=command.island_id, user_key=command.user_key, replaced_at_ms=command.now_ms
            )
        )
    if command.owner_id is None:
        return events
    check_free_for(island, command.island_id, command.owner_id)
    if not island.is_paired:
        events += vouch(island, command, command.owner_id)
    return events


def enrol_with_password(island: Island, command: EnrolPasswordIsland) -> list[IslandEvent]:
    if island.membership in (Membership.UNKNOWN, Membership.REMOVED):
        return join(island, command, local_id=command.local_id, password_sha256=command.password_sha256)
    check_free_for(island, command.island_id, command.owner_id)
    return []


def join(
    island: Island,
    command: EnrolIsland | EnrolPasswordIsland,
    *,
    user_key: str | None = None,
    local_id: str | None = None,
    password_sha256: str | None = None,
) -> list[IslandEvent]:
    check_not_suspended(island)
    enrolled = IslandEnrolled(
        island_id=command.island_id,
        owner_id=command.owner_id,
        name=command.name,
        enrolled_at_ms=command.now_ms,
        user_key=user_key,
        local_id=local_id,
        password_sha256=password_sha256,
        karma=island.standing.karma,
    )
    if command.owner_id is None or command.needs_review:
        return [enrolled]
    return [enrolled, IslandApproved(island_id=command.island_id, approved_at_ms=command.now_ms)]


def pair(island: Island, command: PairIsland) -> list[IslandEvent]:
    check_free_for(island, command.island_id, command.owner_id)
    if island.is_paired:
        return []
    if island.membership is Membership.REVOKED:
        raise Rejected(Rejection.KEY_REVOKED, "the island has to join with a new key first")
    return vouch(island, command, command.owner_id)


def vouch(island: Island, command: EnrolIsland | PairIsland, owner_id: AccountId) -> list[IslandEvent]:
    check_not_suspended(island)
    paired = IslandPaired(
        island_id=command.island_id,
        owner_id=owner_id,
        name=island.name,
        karma=island.standing.karma,
        paired_at_ms=command.now_ms,
    )
    if command.needs_review:
        return [paired]
    return [paired, IslandApproved(island_id=command.island_id, approved_at_ms=command.now_ms)]


def check_not_suspended(island: Island) -> None:
    """Raises while a suspension lasts: neither leaving nor a new key ends it."""
    if island.is_suspended:
        raise Rejected(Rejection.ISLAND_SUSPENDED, "the island is suspended; ask the operator")


def check_free_for(island: Island, island_id: IslandId, owner_id: AccountId) -> None:
    """Raises unless the island is this account's or nobody's yet."""
    if island.owner_id is not None:
        check_owner(island, island_id, owner_id)


def check_owner(island: Island, island_id: IslandId, owner_id: AccountId) -> None:
    """Raises unless the island is this account's."""
    if island.owner_id != owner_id:
        raise Rejected(Rejection.OWNER_DIFFERS, f"island {island_id} does not belong to this account")


def rename(island: Island, command: RenameIsland) -> list[IslandEvent]:
    check_owner(island, command.island_id, command.owner_id)
    if command.name == island.name:
        return []
    return [IslandRenamed(island_id=command.island_id, name=command.name, renamed_at_ms=command.now_ms)]


def remove(island: Island, command: RemoveIsland) -> list[IslandEvent]:
    check_owner(island, command.island_id, command.owner_id)
    if island.is_removed:
        return []
    return [
        IslandRemoved(
            island_id=command.island_id,
            owner_id=island.owner_id,
            reason="its owner removed it",
            removed_at_ms=command.now_ms,
        )
    ]


def suspend(island: Island, command: SuspendIsland) -> list[IslandEvent]:
    if island.is_suspended:
        return []
    return [
        IslandSuspended(island_id=command.island_id, reason=command.reason, suspended_at_ms=command.now_ms)
    ]


def reinstate(island: Island, command: ReinstateIsland) -> list[IslandEvent]:
    if not island.is_suspended:
        return []
    return [IslandReinstated(island_id=command.island_id, reinstated_at_ms=command.now_ms)]


def revoke(island: Island, command: RevokeIsland) -> list[IslandEvent]:
    if island.membership is Membership.REVOKED:
        return []
    return [IslandRevoked(island_id=command.island_id, reason=command.reason, revoked_at_ms=command.now_ms)]
