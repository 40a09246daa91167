"""Draining: an island finishes what it has and takes nothing new.

Called by the island's decider. Two may want it, and either is enough: its daemon, which says so with every heartbeat,
and its owner, whose order stands until the owner lifts it.
"""

from domain.island_commands import DrainIsland, RecordHeartbeat, ResumeIsland
from domain.island_events import DrainEnded, DrainLifted, DrainOrdered, DrainStarted, IslandEvent
from domain.island_membership import check_owner
from domain.island_state import Island


def told_drain(island: Island, command: RecordHeartbeat) -> list[IslandEvent]:
    """What follows from the daemon's own word."""
    island_id, at_ms = command.island_id, command.now_ms
    if command.is_draining == island.is_draining:
        return []
    if command.is_draining:
        return [DrainStarted(island_id=island_id, drained_at_ms=at_ms)]
    return [DrainEnded(island_id=island_id, resumed_at_ms=at_ms, is_still_ordered=island.is_drain_ordered)]


def drain(island: Island, command: DrainIsland) -> list[IslandEvent]:
    check_owner(island, command.island_id, command.owner_id)
    if island.is_drain_ordered:
        return []
    return [DrainOrdered(island_id=command.island_id, ordered_at_ms=command.now_ms)]


def resume(island: Island, command: ResumeIsland) -> list[IslandEvent]:
    check_owner(island, command.island_id, command.owner_id)
    if not island.is_drain_ordered:
        return []
    return [
        DrainLifted(
            island_id=command.island_id,
            is_still_draining=island.is_draining,
            lifted_at_ms=command.now_ms,
        )
    ]
