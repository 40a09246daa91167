"""Collecting: now and then, the fees of all settlements since the last time go into the treasury, in one commit.

A planner. What it has added up belongs to a stretch of the log, and the treasury takes each stretch once, so two
coordinators, or one that looks twice, collect no fee twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from commands.event_log import Commit
from commands.process import Order
from domain.account_events import HoldSettled
from domain.treasury import TREASURY, TREASURY_ID, CollectFees
from domain.treasury_events import FeesCollected

COLLECTED_EVERY_MS: Final = 60_000


@dataclass(slots=True)
class Picture:
    """The fees of the settlements behind `collected_through` up to `position`, as plain data that can be saved."""

    position: int = 0
    collected_through: int = 0
    fees_micro: int = 0
    asked_at_ms: int = 0


class Collecting:
    name = "collecting"

    def __init__(self, picture: Picture | None = None) -> None:
        self.picture = picture or Picture()

    def take(self, commit: Commit) -> None:
        for event in commit.events:
            match event:
                case HoldSettled():
                    self.picture.fees_micro += event.platform_fee_micro
                case FeesCollected():
                    self.picture.fees_micro -= event.amount_micro
                    self.picture.collected_through = event.through_position
                case _:
                    pass
        self.picture.position = commit.position

    def plan(self, now_ms: int) -> Sequence[Order]:
        picture = self.picture
        if not picture.fees_micro or now_ms - picture.asked_at_ms < COLLECTED_EVERY_MS:
            return []
        picture.asked_at_ms = now_ms
        command = CollectFees(
            after_position=picture.collected_through,
            through_position=picture.position,
            amount_micro=picture.fees_micro,
            now_ms=now_ms,
        )
        return [Order(decider=TREASURY, aggregate_id=TREASURY_ID, command=command)]

    def failed(self, order: Order) -> None:
        """Nothing to undo: the next look asks again."""
