"""A cargo that jobs wait for is on an idle island before the first of them comes there."""

from tests.faults.network import Network, eventually


async def test_a_recommended_cargo_is_warm_before_its_first_job(network: Network) -> None:
    await network.add_coordinator()
    await network.add_island("idle")
    slug = await network.publish(0.1)
    island_id = (await network.host("idle"))["id"]
    dear = {"host_id": island_id, "workload_slug": slug, "asking_price": "9"}
    (await network.http.post("/market/asking-prices", json=dear)).raise_for_status()
    cheap = {"workload": slug, "input": {}, "bid_price": "5"}
    job_id = (await network.http.post("/jobs", json=cheap)).raise_for_status().json()["id"]

    async def is_warm() -> bool:
        return slug in (await network.host("idle"))["warm_workloads"]

    await eventually(is_warm)
    assert (await network.job(job_id))["state"] == "submitted"
    fair = {**dear, "asking_price": "5"}
    (await network.http.post("/market/asking-prices", json=fair)).raise_for_status()
    await network.until_state(job_id, "succeeded")
    [attempt] = await network.placements(job_id)
    assert attempt["candidates"][0]["warm"] > 0
