"""How an island earns and loses karma. The part of `domain.island` that judges attempts and floods.

Each attempt and each flood counts once, with its cause in the event: `karma 41 = 38 work - 2 lease lost ...`. An island
is also judged for what it did before it was revoked or removed.
"""

from domain.ids import IslandId
from domain.island_commands import CreditWork, PenalizeFlood, PenalizeKarma
from domain.island_events import (
    CooldownStarted,
    FloodPenalized,
    IslandEvent,
    IslandRemoved,
    IslandRevoked,
    IslandSuspended,
    KarmaPenalized,
    PayoutsUnlocked,
    WorkCredited,
)
from domain.island_state import Island, Membership, judgement
from domain.karma import (
    FLOOD_MS,
    KARMA_RULES_VERSION,
    PAYOUT_KARMA,
    PENALTY_POINTS,
    SUSPENSION_KARMA,
    Penalty,
    after_work,
    cooldown_ms,
    multiplier_permille,
)


def credit_work(island: Island, command: CreditWork) -> list[IslandEvent]:
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
            unchecked=command.unchecked,
        )
    ]
    if after.karma >= PAYOUT_KARMA and not island.has_payouts and island.owner_id is not None:
        events.append(
            PayoutsUnlocked(
                island_id=command.island_id, owner_id=island.owner_id, unlocked_at_ms=command.now_ms
            )
        )
    return events


def penalize(island: Island, command: PenalizeKarma) -> list[IslandEvent]:
    if judgement(command.job_id, command.attempt, command.penalty) in island.judged:
        return []
    points = PENALTY_POINTS[command.penalty]
    karma, faults = island.standing.karma - points, island.faults_in_row + 1
    penalized = KarmaPenalized(
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
    return [penalized, *consequences(island, command.island_id, karma, faults, command.now_ms)]


def penalize_flood(island: Island, command: PenalizeFlood) -> list[IslandEvent]:
    is_gone = island.membership in (Membership.REVOKED, Membership.REMOVED)
    if is_gone or command.flood_id in island.floods or command.now_ms - island.flooded_at_ms < FLOOD_MS:
        return []
    if not island.is_paired:
        return [
            IslandRemoved(
                island_id=command.island_id,
                owner_id=island.owner_id,
                reason="flood",
                removed_at_ms=command.now_ms,
            )
        ]
    points = PENALTY_POINTS[Penalty.FLOODED]
    karma, faults = island.standing.karma - points, island.faults_in_row + 1
    penalized = FloodPenalized(
        island_id=command.island_id,
        flood_id=command.flood_id,
        messages_per_s=command.messages_per_s,
        karma_delta=-points,
        karma=karma,
        faults_in_row=faults,
        karma_rules_version=KARMA_RULES_VERSION,
        penalized_at_ms=command.now_ms,
    )
    events = [penalized, *consequences(island, command.island_id, karma, faults, command.now_ms)]
    if island.is_suspended:
        events.append(
            IslandRevoked(
                island_id=command.island_id,
                reason=f"flooded while suspended, {command.messages_per_s} messages/s",
                revoked_at_ms=command.now_ms,
            )
        )
    return events


def consequences(
    island: Island, island_id: IslandId, karma: int, faults_in_row: int, now_ms: int
) -> list[IslandEvent]:
    """What follows from a fault that left the island with `karma`."""
    events: list[IslandEvent] = []
    if pause_ms := cooldown_ms(faults_in_row):
        events.append(
            CooldownStarted(island_id=island_id, until_ms=now_ms + pause_ms, faults_in_row=faults_in_row)
        )
    if karma < SUSPENSION_KARMA and not island.is_suspended:
        events.append(
            IslandSuspended(
                island_id=island_id,
                reason=f"karma fell to {karma}, below {SUSPENSION_KARMA}",
                suspended_at_ms=now_ms,
            )
        )
    return events
