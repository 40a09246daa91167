"""Liveness: an island that has not been heard of for 35 seconds is offline.

A planner over events (who is online) and heartbeats (who was heard when, told by `heard`). Its attempts are not lost
with it: they end when their leases do, for the island may only be cut off. After our own silence, a restart or a lost
connection to the log, everybody gets a full period before anybody is judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from commands.event_log import Commit
from commands.process import Order
from domain.ids import IslandId
from domain.island import ISLAND
from domain.island_commands import MarkOffline
from domain.island_events import IslandCameOnline, IslandRemoved, IslandWentOffline

OFFLINE_AFTER_MS: Final = 35_000


@dataclass(slots=True)
class Picture:
    """Who is online, as plain data that can be saved. Heartbeats are not saved: they are heard again."""

    position: int = 0
    online: dict[IslandId, int] = field(default_factory=dict)


class Liveness:
    name = "liveness"

    def __init__(self, picture: Picture | None = None) -> None:
        self.picture = picture or Picture()
        self._heard_ms: dict[IslandId, int] = {}
        self._listening_since_ms: int | None = None

    def listening_since(self, now_ms: int) -> None:
        """From now on silence means something. Called when heartbeats are (again) received."""
        self._listening_since_ms = now_ms

    def heard(self, island_id: IslandId, at_ms: int) -> None:
        """A heartbeat, at the time the server received it."""
        self._heard_ms[island_id] = max(at_ms, self._heard_ms.get(island_id, 0))

    def last_heard_ms(self, island_id: IslandId) -> int | None:
        return self._heard_ms.get(island_id)

    def take(self, commit: Commit) -> None:
        for event in commit.events:
            if isinstance(event, IslandCameOnline):
                self.picture.online[event.island_id] = event.online_at_ms
            elif isinstance(event, IslandWentOffline | IslandRemoved):
                self.picture.online.pop(event.island_id, None)
        self.picture.position = commit.position

    def plan(self, now_ms: int) -> Sequence[Order]:
        if self._listening_since_ms is None:
            return []
        listening_since_ms = self._listening_since_ms
        return [
            Order(
                decider=ISLAND,
                aggregate_id=island_id,
                command=MarkOffline(island_id=island_id, now_ms=now_ms),
            )
            for island_id, online_at_ms in self.picture.online.items()
            if now_ms - max(self._heard_ms.get(island_id, 0), online_at_ms, listening_since_ms)
            >= OFFLINE_AFTER_MS
        ]

    def failed(self, order: Order) -> None:
        """Nothing to undo: the next look asks again."""
