"""The feed of facts in a coordinator that has just begun, while nothing new happens."""

import asyncio
from contextlib import aclosing

import pytest

from api.fact_feed import Audience, FactFeed
from api.fact_owners import FactOwners
from api.single_flight import SingleFlight
from tests.api.network import SEEN_S, Network

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_who_resumes_before_anything_new_happens_is_told_what_was_missed(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    before = await network.services.log.last_position()
    job_id = await network.job(person, slug)
    last = await network.services.log.last_position()

    services = network.services
    feed = FactFeed(services.tail, services.cipher, FactOwners(services.reads), SingleFlight())
    running = asyncio.create_task(feed.run(last))
    try:
        async with (
            asyncio.timeout(SEEN_S),
            aclosing(feed.follow(Audience(account_id=None, category="job"), before)) as frames,
        ):
            assert f"job.{job_id}" in await anext(frames)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
