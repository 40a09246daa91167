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
from api.check_policy import CheckPolicy
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
    probing,
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
    probing: probing.Probing
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
            self.probing,
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


async def load_planners(store: ProcessStore, checks: CheckPolicy, outputs: Outputs) -> Planners:
    """Every planner with the picture it saved last, or with none."""
    placer = placing.Placing(
        lambda: outputs.position,
        await store.picture("placing", placing.Picture),
        check_secret=checks.secret,
        placer=ColumnarFleet(),
    )
    return Planners(
        placing=placer,
        probing=probing.Probing(
            placer.picture.offers.values,
            await store.picture("probing", probing.Picture),
            share_permille=checks.known_answer_permille,
            secret=checks.secret,
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
