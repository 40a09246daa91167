"""Two coordinators on one log and one database: both take requests and claims, one leads, either may die."""

import asyncio
from collections import Counter

import httpx

from domain.account_events import CreditsHeld
from domain.job_events import JobSubmitted, JobSucceeded
from tests.faults.books import assert_all_succeeded_once, assert_read_side_is_the_log, events_of
from tests.faults.network import Network
from tests.faults.programs import Program

JOBS = 100
REQUESTS = 100
LEADS = "leadership_taken"


async def test_the_other_coordinator_takes_over_when_the_leading_one_is_killed(network: Network) -> None:
    leading, other = await network.add_coordinator(), await network.add_coordinator()
    await network.add_island("first")
    await network.add_island("second")
    slug = await network.publish(0)
    assert (leads(leading), leads(other)) == (True, False)
    await network.in_every_coordinator(slug)

    first_half = await submit(network, slug, range(JOBS // 2))
    submitting = asyncio.create_task(submit(network, slug, range(JOBS // 2, JOBS)))
    await network.until_state(first_half[5], "succeeded")
    await leading.kill()

    job_ids = first_half + await submitting
    assert len(set(job_ids)) == JOBS
    events = await assert_all_succeeded_once(network, job_ids)
    assert leads(other)
    assert len({event.island_id for event in events if isinstance(event, JobSucceeded)}) == 2


async def test_a_hundred_requests_with_one_key_over_two_coordinators_make_one_job(network: Network) -> None:
    await network.add_coordinator()
    await network.add_coordinator()
    slug = await network.publish(0)
    await network.in_every_coordinator(slug)

    answers = await asyncio.gather(*(request(network, slug, n) for n in range(REQUESTS)))
    assert {answer.status_code for answer in answers} == {httpx.codes.CREATED}
    assert len({answer.json()["id"] for answer in answers}) == 1
    events = await events_of(network)
    assert Counter(type(event) for event in events if isinstance(event, JobSubmitted | CreditsHeld)) == {
        JobSubmitted: 1,
        CreditsHeld: 1,
    }
    for through in (0, 1):
        refused = await request(network, slug, through, greeting="another body")
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "idempotency_mismatch")
    assert len((await network.http.get("/jobs")).json()["jobs"]) == 1
    await assert_read_side_is_the_log(network)


async def request(network: Network, slug: str, through: int, **text: str) -> httpx.Response:
    client = network.clients[through % len(network.clients)]
    body = {"workload": slug, "input": text}
    return await client.post("/jobs", json=body, headers={"Idempotency-Key": "the same"})


async def submit(network: Network, slug: str, numbers: range) -> list[str]:
    """Half of them through either coordinator, a few at a time."""
    at_once = asyncio.Semaphore(4)

    async def one(number: int) -> str:
        async with at_once:
            return await network.submit(slug, f"job {number}", through=number)

    return await asyncio.gather(*(one(number) for number in numbers))


def leads(coordinator: Program) -> bool:
    return LEADS in coordinator.printed()
