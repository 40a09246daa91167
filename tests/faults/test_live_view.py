"""A coordinator that is killed while a client watches it: the client resumes, and neither misses nor hears twice."""

import asyncio
from contextlib import suppress

from adapters.nats.event_log import JetStreamEventLog
from tests.faults import slow_cargo
from tests.faults.books import assert_all_succeeded_once
from tests.faults.follower import Follower, Place
from tests.faults.network import Network, eventually, is_true

JOBS = 20
SEEN_BEFORE = 10
"""Facts that the client must have seen after the jobs began to flow, so that the kill falls between them."""


async def test_who_watches_a_killed_coordinator_resumes_and_is_told_everything_once(network: Network) -> None:
    watched, _ = await network.add_coordinator(), await network.add_coordinator()
    await network.add_island("only")
    slow, quick = await network.publish(2), await network.publish(0)
    await network.in_every_coordinator(slow)
    await network.in_every_coordinator(quick)
    job_id = await network.submit(slow, "slow")
    follower = Follower(
        str(network.http.base_url).rstrip("/"),
        network.key,
        {
            "facts": {"topic": "events"},
            "jobs": {"topic": "jobs"},
            "output": {"topic": "job.output", "job_id": job_id},
        },
    )
    following = asyncio.create_task(follower.follow())
    await eventually(
        lambda: is_true(
            slow_cargo.BEGUN in follower.texts
            and follower.rows["jobs"].get(job_id, {}).get("state") == "running"
        )
    )

    # The slow job has the only slot, so no claim is in the hands of the one that dies: it would come again after 30 s.
    submitting = asyncio.create_task(submit(network, quick))
    enough = len(follower.places["facts"]) + SEEN_BEFORE
    await eventually(lambda: is_true(len(follower.places["facts"]) >= enough))
    await watched.kill()
    await following
    missed_from = follower.after["facts"]

    job_ids = [job_id, *await submitting]
    watched.start()
    await network.is_well(network.http)
    following = asyncio.create_task(follower.follow())
    await assert_all_succeeded_once(network, job_ids)

    log = await places_behind(network, follower.began["facts"])
    last, _ = log[-1]
    await eventually(
        lambda: is_true(following.done() or ("output" in follower.ended and follower.after["facts"] >= last))
    )
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following  # Raises what the client did not expect to be told.
    assert any(position > missed_from for position, _ in log), "nothing happened while nobody watched"
    assert [place for place in follower.places["facts"] if place[0] <= last] == log
    assert {job: follower.rows["jobs"][job]["state"] for job in job_ids} == dict.fromkeys(
        job_ids, "succeeded"
    )
    assert follower.places["jobs"] == sorted(set(follower.places["jobs"]))
    assert follower.texts == [slow_cargo.BEGUN, slow_cargo.ENDED, ""]


async def submit(network: Network, slug: str) -> list[str]:
    """Through the coordinator that nobody watches."""
    return [await network.submit(slug, f"job {number}", through=1) for number in range(JOBS)]


async def places_behind(network: Network, position: int) -> list[Place]:
    """Every event of the log behind that position, as the log itself has it."""
    async with network.as_operator() as client:
        log = JetStreamEventLog(client)
        return [
            (commit.position, index)
            async for commits in log.read(after=position)
            for commit in commits
            for index, _ in enumerate(commit.events)
        ]
