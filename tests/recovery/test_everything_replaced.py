"""Every key that can be replaced is, and the server's accounts are lost, while a real island runs a job."""

import shutil
from collections.abc import AsyncIterator

import pytest

from adapters.embedded.data_directory import DataDirectory
from adapters.nats.accounts import rotation
from adapters.nats.accounts.rotation import Holder
from tests.faults.network import Network

WORK_S = 3.0


@pytest.fixture
async def whole_network(seeded_directory: DataDirectory) -> AsyncIterator[Network]:
    network = Network(seeded_directory)
    try:
        await network.start()
        yield network
    finally:
        await network.close()


async def test_a_job_under_way_ends_well_and_the_next_one_runs(
    whole_network: Network, seeded_directory: DataDirectory
) -> None:
    network = whole_network
    await network.add_coordinator()
    await network.add_island("atlas")
    slug = await network.publish(WORK_S)
    job_id = await network.submit(slug, "under-way")
    await network.until_output(job_id)
    await network.registrars[0].stop()
    for holder in Holder:
        rotation.replace(network.fabric.deployment, holder)
    await network.servers.nats.stop()
    shutil.rmtree(seeded_directory.accounts)
    await network.servers.nats.restart()
    network.registrars[0].start()
    job = await network.until_state(job_id, "succeeded", "failed")
    assert (job["state"], job["attempt"]) == ("succeeded", 1)
    later = await network.submit(await network.publish(0), "afterwards")
    assert (await network.until_state(later, "succeeded", "failed"))["attempt"] == 1
