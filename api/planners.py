"""The planners of one coordinator, their saved pictures, and how they run.

Made by `api.main`; run while this coordinator leads. A picture is saved now and then and when leading ends, so that a
restart reads only what came after.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adapters.nats.event_tail import EventTail
from adapters.nats.outputs import Outputs
from adapters.postgres.process_store import ProcessStore
from api.workers import PlannerRunner
from commands.process import Planner, ReactionCarrier
from commands.processes import barring, expiring, liveness, placing, renewing


@dataclass(frozen=True, slots=True)
class Planners:
    placing: placing.Placing
    expiring: expiring.Expiring
    barring: barring.Barring
    renewing: renewing.Renewing
    liveness: liveness.Liveness


async def load_planners(store: ProcessStore, outputs: Outputs) -> Planners:
    """Every planner with the picture it saved last, or with none."""
    return Planners(
        placing=placing.Placing(lambda: outputs.position, await store.picture("placing", placing.Picture)),
        expiring=expiring.Expiring(await store.picture("expiring", expiring.Picture)),
        barring=barring.Barring(await store.picture("barring", barring.Picture)),
        renewing=renewing.Renewing(await store.picture("renewing", renewing.Picture)),
        liveness=liveness.Liveness(await store.picture("liveness", liveness.Picture)),
    )


def planner_work(
    planners: Planners, tail: EventTail, carrier: ReactionCarrier, store: ProcessStore
) -> dict[str, Callable[[], Awaitable[None]]]:
    """One endless piece of work per planner, by name. Each goes on from its own picture."""

    def work(
        planner: Planner,
        picture: placing.Picture | expiring.Picture | barring.Picture | renewing.Picture | liveness.Picture,
    ) -> Callable[[], Awaitable[None]]:
        async def save() -> None:
            await store.save_picture(planner.name, position=picture.position, picture=picture)

        async def run() -> None:
            await PlannerRunner(planner, tail, carrier, save, position=picture.position).run()

        return run

    return {
        "placing": work(planners.placing, planners.placing.picture),
        "expiring": work(planners.expiring, planners.expiring.picture),
        "barring": work(planners.barring, planners.barring.picture),
        "renewing": work(planners.renewing, planners.renewing.picture),
        "liveness": work(planners.liveness, planners.liveness.picture),
    }
