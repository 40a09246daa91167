"""Tells idle islands what to fetch, while this coordinator leads. Made by `api.coordinator`."""

import asyncio
from typing import Final

from adapters import clock
from adapters.nats.mailbox import Outbox
from commands.preloading import Preloading
from projections.demand_reads import DemandReads
from projections.read_model import ReadModel

LOOK_S: Final = 2.0


async def preload_islands(demands: DemandReads, reads: ReadModel, outbox: Outbox) -> None:
    """For ever. The fleet is read only when jobs begin to wait."""
    preloading = Preloading()
    while True:
        now_ms = clock.now_ms()
        rising = preloading.rising(await demands.demands(now_ms))
        if rising:
            offers = (await reads.offers()).values()
            for preload in preloading.due(rising, offers, now_ms):
                await outbox.send_preload(preload.island_id, preload.demand)
        await asyncio.sleep(LOOK_S)
