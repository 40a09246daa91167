"""A workflow on real programs: its coordinator is killed while a step runs, and each step is a job once."""

from typing import Any

from domain.job_events import JobSubmitted
from tests.faults import slow_cargo
from tests.faults.books import assert_all_succeeded_once
from tests.faults.network import Network, eventually

TEXT = "{{first.output.text}}"


async def test_a_killed_coordinator_goes_on_with_its_workflows(network: Network) -> None:
    coordinator = await network.add_coordinator()
    await network.add_island("worker")
    slow, quick = await network.publish(2), await network.publish(0)
    await network.in_every_coordinator(quick)
    steps: list[dict[str, Any]] = [
        {"key": "first", "workload": slow},
        {"key": "second", "workload": quick, "depends_on": ["first"], "input_mapping": {"text": TEXT}},
        {"key": "third", "workload": quick, "depends_on": ["second"]},
    ]
    submitted = await network.http.post("/workflows", json={"name": "Three", "definition": {"steps": steps}})
    assert submitted.status_code == 201, submitted.text
    path = f"/workflows/{submitted.json()['id']}"
    await network.until_output(submitted.json()["steps"][0]["job_id"])
    await coordinator.kill()
    coordinator.start()
    await network.is_well(network.http)

    async def is_over() -> bool:
        return bool((await network.http.get(path)).json()["state"] != "running")

    await eventually(is_over)
    ended = (await network.http.get(path)).json()
    assert ended["state"] == "succeeded", ended
    job_ids = [step["job_id"] for step in ended["steps"]]
    events = await assert_all_succeeded_once(network, job_ids)
    assert sum(isinstance(event, JobSubmitted) for event in events) == len(steps)
    given = (await network.job(job_ids[1]))["input"]
    assert given == {"text": slow_cargo.OUTPUT}
