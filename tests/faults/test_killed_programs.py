"""An island or a coordinator that is killed in the middle of a job."""

from domain.island_events import KarmaPenalized
from domain.job_events import AttemptReturned
from tests.faults.books import assert_all_succeeded_once
from tests.faults.network import Network


async def test_an_island_killed_in_mid_job_gives_it_back_when_it_is_started_again(network: Network) -> None:
    await network.add_coordinator()
    island = await network.add_island("only")
    job_id = await network.submit(await network.publish(2), "one")
    await network.until_output(job_id)

    await island.kill()
    island.start()

    events = await assert_all_succeeded_once(network, [job_id])
    (returned,) = [event for event in events if isinstance(event, AttemptReturned)]
    assert (returned.attempt, returned.reason) == (1, "restart")
    assert not [event for event in events if isinstance(event, KarmaPenalized)]
    assert [fact["event"] for fact in (await network.timeline(job_id))["facts"]] == [
        "job.submitted",
        *("job.assigned", "job.attempt_started", "job.attempt_returned"),
        *("job.assigned", "job.attempt_started", "job.succeeded"),
    ]


async def test_a_coordinator_killed_in_mid_job_finds_the_result_when_it_is_started_again(
    network: Network,
) -> None:
    coordinator = await network.add_coordinator()
    island = await network.add_island("only")
    slug = await network.publish(1)
    first, second = [await network.submit(slug, key) for key in ("one", "two")]
    await network.until_output(first)

    await coordinator.kill()
    await island.says(f"job {first}: succeeded")
    coordinator.start()

    await network.is_well(network.http)
    await assert_all_succeeded_once(network, [first, second])
