"""Islands that are barred in the middle of a job: the job goes on elsewhere at once, and is paid once."""

import time
from typing import Final

from domain.failure import Loss
from domain.island_events import KarmaPenalized
from domain.job_events import AttemptLost, JobSucceeded
from tests.faults.books import assert_all_succeeded_once
from tests.faults.network import Network

WORKED_S: Final = 5.0
ELSEWHERE_WITHIN_S: Final = 10.0  # Far below the 65 s after which a silent island loses its lease.


async def test_a_barred_island_s_job_goes_on_elsewhere_at_once(network: Network) -> None:
    await network.add_coordinator()
    slug = await network.publish(WORKED_S)
    island = await network.add_island("barred")
    barred = (await network.host("barred"))["id"]
    job_id = await network.submit(slug, "a job on the barred island")
    await network.until_output(job_id)
    await network.add_island("helper")

    reason = {"reason": "it looks odd"}
    (await network.http.post(f"/hosts/{barred}/suspend", json=reason)).raise_for_status()
    suspended_at = time.monotonic()
    await network.until_state(job_id, "assigned", "running", attempt=2)
    assert time.monotonic() - suspended_at < ELSEWHERE_WITHIN_S
    await network.until_state(job_id, "succeeded")
    await island.kill()  # It hears no cancellation any more and would work on until its lease ends.

    events = await assert_all_succeeded_once(network, [job_id])
    helper = (await network.host("helper"))["id"]
    assert [event.island_id for event in events if isinstance(event, JobSucceeded)] == [helper]
    losses = [(event.island_id, event.loss) for event in events if isinstance(event, AttemptLost)]
    assert losses == [(barred, Loss.ISLAND_BARRED)]
    assert not any(isinstance(event, KarmaPenalized) for event in events)
    assert (await network.host("barred"))["status"] == "suspended"
