"""The planners of one coordinator, their saved pictures, and how they run.

Made by `api.main`; run while this coordinator leads. A picture is saved now and then and when leading ends, so that a
restart reads only what came after.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from adapters.columnar_fleet import ColumnarFleet
from adapters.nats.event_tail import EventTail
from adapters.nats.outputs import Outputs
from adapters.postgres.process_store import ProcessStore
from api.workers import PlannerRunner
from commands.process import Planner, ReactionCarrier
from commands.processes import (
    barring,
    collecting,
    compensating,
    exchanging,
    expiring,
    killing,
    liveness,
    placing,
    renewing,
    reputation,
)


class Picture(Protocol):
    """What a planner knows, up to a position of the log; plain data."""

    @property
    def position(self) -> int: ...


class DrawingPlanner(Planner, Protocol):
    """A planner whose picture can be saved."""

    @property
    def picture(self) -> Picture: ...


@dataclass(frozen=True, slots=True)
class Planners:
    placing: placing.Placing
    exchanging: exchanging.Exchanging
    collecting: collecting.Collecting
    compensating: compensating.Compensating
    expiring: expiring.Expiring
    barring: barring.Barring
    killing: killing.Killing
    renewing: renewing.Renewing
    reputation: reputation.Reputation
    liveness: liveness.Liveness

    def all(self) -> tuple[DrawingPlanner, ...]:
        return (
            self.placing,
            self.exchanging,
            self.collecting,
            self.compensating,
            self.expiring,
            self.barring,
            self.killing,
            self.renewing,
            self.reputation,
            self.liveness,
        )


async def load_planners(store: ProcessStore, check_secret: bytes, outputs: Outputs) -> Planners:
    """Every planner with the picture it saved last, or with none. `check_secret`: see `api.check_secret`."""
    return Planners(
        placing=placing.Placing(
            lambda: outputs.position,
            await store.picture("placing", placing.Picture),
            check_secret=check_secret,
            placer=ColumnarFleet(),
        ),
        exchanging=exchanging.Exchanging(await store.picture("exchanging", exchanging.Picture)),
        collecting=collecting.Collecting(await store.picture("collecting", collecting.Picture)),
        compensating=compensating.Compensating(await store.picture("compensating", compensating.Picture)),
        expiring=expiring.Expiring(await store.picture("expiring", expiring.Picture)),
        barring=barring.Barring(await store.picture("barring", barring.Picture)),
        killing=killing.Killing(await store.picture("killing", killing.Picture)),
        renewing=renewing.Renewing(await store.picture("renewing", renewing.Picture)),
        reputation=reputation.Reputation(await store.picture("reputation", reputation.Picture)),
        liveness=liveness.Liveness(await store.picture("liveness", liveness.Picture)),
    )


def planner_work(
    planners: Planners, tail: EventTail, carrier: ReactionCarrier, store: ProcessStore
) -> dict[str, Callable[[], Awaitable[None]]]:
    """One endless piece of work per planner, by name. Each goes on from its own picture."""

    def work(planner: DrawingPlanner) -> Callable[[], Awaitable[None]]:
        async def save() -> None:
            await store.save_picture(planner.name, position=planner.picture.position, picture=planner.picture)

        async def run() -> None:
            await PlannerRunner(planner, tail, carrier, save, position=planner.picture.position).run()

        return run

    return {planner.name: work(planner) for planner in planners.all()}
