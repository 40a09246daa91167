"""What an operator decides about an island: whether a new one is approved, and whether its machine is what it says.

The part of `domain.island` that answers commands of `/admin/hosts`. Suspending and revoking, which bar an island that
works already, stand in `domain.island_membership`. Verifying changes nothing about placement: it tells people.
"""

from typing import assert_never

from domain.island_commands import ApproveIsland, RejectIsland, VerifyCapabilities, WithdrawVerification
from domain.island_events import (
    CapabilitiesVerified,
    IslandApproved,
    IslandEvent,
    IslandRejected,
    VerificationWithdrawn,
)
from domain.island_state import Island
from domain.rejection import Rejected, Rejection

OversightCommand = ApproveIsland | RejectIsland | VerifyCapabilities | WithdrawVerification


def oversee(island: Island, command: OversightCommand) -> list[IslandEvent]:
    match command:
        case ApproveIsland():
            return approve(island, command)
        case RejectIsland():
            return reject(island, command)
        case VerifyCapabilities():
            return verify(island, command)
        case WithdrawVerification():
            return withdraw(island, command)
        case _:
            assert_never(command)


def approve(island: Island, command: ApproveIsland) -> list[IslandEvent]:
    check_paired(island)
    if island.is_approved:
        return []
    return [IslandApproved(island_id=command.island_id, approved_at_ms=command.now_ms)]


def reject(island: Island, command: RejectIsland) -> list[IslandEvent]:
    check_paired(island)
    if island.is_rejected:
        return []
    if island.is_approved:
        raise Rejected(Rejection.ISLAND_APPROVED, "the island is approved already; suspend it instead")
    rejected = IslandRejected(
        island_id=command.island_id, reason=command.reason, rejected_at_ms=command.now_ms
    )
    return [rejected]


def check_paired(island: Island) -> None:
    """Raises where nobody vouches for the island, or not any more."""
    if not island.is_paired:
        raise Rejected(Rejection.ISLAND_NOT_PAIRED, "the island has to be paired by its owner first")


def verify(island: Island, command: VerifyCapabilities) -> list[IslandEvent]:
    if island.capabilities is None:
        raise Rejected(Rejection.ISLAND_NOT_REGISTERED, "the island has not said yet what it has")
    if island.is_verified:
        return []
    verified = CapabilitiesVerified(
        island_id=command.island_id, notes=command.notes, verified_at_ms=command.now_ms
    )
    return [verified]


def withdraw(island: Island, command: WithdrawVerification) -> list[IslandEvent]:
    if not island.is_verified:
        return []
    withdrawn = VerificationWithdrawn(
        island_id=command.island_id, reason=command.reason, withdrawn_at_ms=command.now_ms
    )
    return [withdrawn]
