"""Workflows over HTTP: submitted, run step by step, read and cancelled. The test plays the worker and the island."""

import json
from typing import Any

import httpx
import pytest
import pytest_asyncio

from adapters.nats.raw_log import RawLog
from adapters.postgres.process_store import ProcessStore
from api.workflow_running import WorkflowRunning
from domain.ids import CargoSlug, IslandId, JobId
from domain.workflow import STEPS_MAX
from projections.progress import ALL
from tests.api.network import SEEN_S, Network, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
NO_STORE: Any = ProcessStore
"""These tests take the commits to the worker themselves, so it keeps no position."""


class Scene:
    """A person, an island, and the worker that keeps up with both."""

    def __init__(self, network: Network, person: Person, slug: CargoSlug, island_id: IslandId) -> None:
        self.network = network
        self.person = person
        self.slug = slug
        self.island_id = island_id
        self.worker = WorkflowRunning(network.services, NO_STORE)
        self._position = 0

    def step(self, key: str, *needs: str, **fields: Any) -> dict[str, Any]:
        own = {} if "input" in fields or "input_mapping" in fields else {"input": {"text": key}}
        return {"key": key, "workload": self.slug, "depends_on": list(needs), **own, **fields}

    async def post(self, *steps: dict[str, Any], key: str = "", **definition: Any) -> httpx.Response:
        body = {"name": "Twice", "definition": {"steps": steps, **definition}}
        headers = self.person.headers | ({"Idempotency-Key": key} if key else {})
        return await self.network.http.post("/workflows", json=body, headers=headers)

    async def begin(self, *steps: dict[str, Any], **definition: Any) -> str:
        answer = await self.post(*steps, **definition)
        assert answer.status_code == 201, answer.text
        await self.keep_up()
        return str(answer.json()["id"])

    async def refusal(self, *steps: dict[str, Any]) -> str:
        answer = await self.post(*steps)
        assert answer.status_code in {404, 422}, answer.text
        return str(answer.json()["message"])

    async def keep_up(self) -> None:
        """The worker takes what is new until nothing is."""
        services = self.network.services
        async for commits in services.log.read(after=self._position):
            for commit in commits:
                await self.worker.take(commit)
            self._position = commits[-1].position
        if await services.log.last_position() > self._position:
            await self.keep_up()
        assert await services.progress.wait(ALL, self._position, SEEN_S)

    async def get(self, path: str) -> Any:
        answer = await self.network.http.get(path, headers=self.person.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def steps(self, workflow_id: str) -> dict[str, dict[str, Any]]:
        return {step["key"]: step for step in (await self.get(f"/workflows/{workflow_id}"))["steps"]}

    async def run(self, workflow_id: str, key: str, text: str) -> dict[str, Any]:
        """The island does the job of a step; returns the input it was given."""
        job_id = JobId((await self.steps(workflow_id))[key]["job_id"])
        job = await self.get(f"/jobs/{job_id}")
        network = self.network
        await network.assign(job_id, self.island_id)
        await network.start(job_id, self.island_id)
        await network.say(job_id, self.island_id, text, seq=1)
        await network.say(job_id, self.island_id, "", seq=2, last=True)
        await network.succeed(job_id, self.island_id)
        await self.keep_up()
        given: dict[str, Any] = job["input"]
        return given

    async def cancel_job(self, workflow_id: str, key: str) -> None:
        job_id = (await self.steps(workflow_id))[key]["job_id"]
        await self.network.http.delete(f"/jobs/{job_id}", headers=self.person.headers)
        await self.keep_up()

    async def states(self, workflow_id: str) -> dict[str, str]:
        return {key: step["state"] for key, step in (await self.steps(workflow_id)).items()}


@pytest_asyncio.fixture(loop_scope="module")
async def scene(network: Network) -> Scene:
    person = await network.person(funds=100)
    slug = await network.cargo(input_schema=json.dumps(SCHEMA))
    found = Scene(network, person, slug, await network.island(person.account_id))
    await found.keep_up()
    return found


async def test_a_step_gets_what_the_steps_before_it_put_out(scene: Scene) -> None:
    mapping = {"text": "{{one.output.json.words.0}} and {{two.output.text}}"}
    workflow_id = await scene.begin(
        scene.step("one"), scene.step("two"), scene.step("both", "one", "two", input_mapping=mapping)
    )
    assert await scene.states(workflow_id) == {"one": "running", "two": "running", "both": "waiting"}
    await scene.run(workflow_id, "one", json.dumps({"words": ["first"]}))
    assert (await scene.states(workflow_id))["both"] == "waiting"
    await scene.run(workflow_id, "two", "second")
    assert await scene.run(workflow_id, "both", "done") == {"text": "first and second"}
    found = await scene.get(f"/workflows/{workflow_id}")
    assert (found["state"], found["name"]) == ("succeeded", "Twice")
    assert {"completed_at", "data"} <= found.keys()


async def test_the_same_request_finds_its_workflow_and_another_one_is_refused(scene: Scene) -> None:
    first = await scene.post(scene.step("one"), key="mine")
    again = await scene.post(scene.step("one"), key="mine")
    other = await scene.post(scene.step("two"), key="mine")
    assert (first.json()["id"], again.status_code) == (again.json()["id"], 201)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_mismatch")


async def test_what_the_worker_does_again_makes_no_second_job(scene: Scene) -> None:
    workflow_id = await scene.begin(scene.step("one"), scene.step("two", "one"))
    await scene.run(workflow_id, "one", "text")
    again = Scene(scene.network, scene.person, scene.slug, scene.island_id)
    await again.keep_up()
    listed = await scene.get("/jobs")
    assert listed["meta"]["total"] == 2
    assert await scene.states(workflow_id) == {"one": "succeeded", "two": "running"}


async def test_a_new_worker_knows_which_steps_run(scene: Scene) -> None:
    workflow_id = await scene.begin(scene.step("one"))
    new = WorkflowRunning(scene.network.services, NO_STORE)
    await new.know(await scene.network.services.log.last_position())
    scene.worker = new
    await scene.run(workflow_id, "one", "text")
    assert (await scene.get(f"/workflows/{workflow_id}"))["state"] == "succeeded"


async def test_a_step_that_fails_stops_the_others_or_only_those_that_need_it(scene: Scene) -> None:
    steps = (scene.step("one"), scene.step("other"), scene.step("after", "one"))
    fast = await scene.begin(*steps)
    await scene.cancel_job(fast, "one")
    await scene.keep_up()
    assert await scene.states(fast) == {"one": "cancelled", "other": "cancelled", "after": "skipped"}
    assert (await scene.get(f"/workflows/{fast}"))["state"] == "failed"
    best = await scene.begin(*steps, fail_mode="best_effort")
    await scene.cancel_job(best, "one")
    assert await scene.states(best) == {"one": "cancelled", "other": "running", "after": "skipped"}
    await scene.run(best, "other", "text")
    assert (await scene.get(f"/workflows/{best}"))["state"] == "failed"


async def test_cancelling_ends_jobs_under_way_and_starts_no_more(scene: Scene) -> None:
    workflow_id = await scene.begin(scene.step("one"), scene.step("two", "one"))
    for _ in range(2):
        answer = await scene.network.http.delete(f"/workflows/{workflow_id}", headers=scene.person.headers)
        assert answer.status_code == 200, answer.text
    await scene.keep_up()
    assert await scene.states(workflow_id) == {"one": "cancelled", "two": "skipped"}
    assert (await scene.get(f"/workflows/{workflow_id}"))["state"] == "cancelled"


@pytest.mark.parametrize(
    ("text", "placeholder", "code"),
    [
        ("no json", "{{one.output.json.a}}", "invalid"),
        ('{"b":1}', "{{one.output.json.a}}", "invalid"),
        ("x" * 300_000, "{{one.output.text}}", "too_large"),
        ("[7]", "{{one.output.json.0}}", "invalid"),
    ],
)
async def test_a_step_whose_input_cannot_be_made_fails_and_says_why(
    scene: Scene, text: str, placeholder: str, code: str
) -> None:
    """The last is a number where the cargo wants a text."""
    workflow_id = await scene.begin(
        scene.step("one"), scene.step("two", "one", input_mapping={"text": placeholder})
    )
    await scene.run(workflow_id, "one", text)
    failed = (await scene.steps(workflow_id))["two"]
    assert (failed["state"], failed["error"]["code"]) == ("failed", code)
    assert failed["error"]["message"]


async def test_a_step_that_cannot_be_paid_fails(scene: Scene) -> None:
    workflow_id = await scene.begin(scene.step("dear", bid_price="1000"))
    failed = (await scene.steps(workflow_id))["dear"]
    assert (failed["state"], failed["error"]["code"]) == ("failed", "insufficient_credits")


async def test_a_wrong_workflow_is_refused_with_the_step_that_is_wrong(scene: Scene) -> None:
    one, two = scene.step("one", "two"), scene.step("two", "one")
    circle = await scene.refusal(one, two)
    assert circle.startswith("definition.steps: they wait for each other: ")
    assert await scene.refusal(scene.step("one"), scene.step("one")) == (
        "definition.steps.1.key: one is the key of another step too"
    )
    assert (
        await scene.refusal(scene.step("one", "zero"))
        == "definition.steps.0.depends_on: there is no step zero"
    )
    strange = scene.step("two", input_mapping={"text": "{{one.output.text}}"})
    assert await scene.refusal(scene.step("one"), strange) == (
        "definition.steps.1.input_mapping: one must stand in depends_on"
    )
    bad = scene.step("two", "one", input_mapping={"text": "{{one.text}}"})
    assert "{{KEY.output.text}}" in await scene.refusal(scene.step("one"), bad)
    both = scene.step("two", "one", input={"text": "a"}, input_mapping={"text": "b"})
    assert await scene.refusal(scene.step("one"), both) == (
        "definition.steps.1.input_mapping: text stands in input too"
    )
    unknown = {**scene.step("one"), "workload": "nothing-such"}
    assert (await scene.refusal(unknown)).startswith("definition.steps.0.workload: no such cargo")
    wrong = scene.step("one", input={"text": 7})
    assert (await scene.refusal(wrong)).startswith("definition.steps.0.input.text: ")
    many = [scene.step(f"step-{number}") for number in range(STEPS_MAX + 1)]
    assert "definition.steps" in await scene.refusal(*many)


async def test_texts_of_a_workflow_lie_sealed(scene: Scene) -> None:
    workflow_id = await scene.begin(scene.step("one", input={"text": "very private"}))
    stored = [
        commit.body
        async for commits in RawLog(scene.network.nats).read(after=0)
        for commit in commits
        if commit.subject.endswith(workflow_id)
    ]
    assert stored
    assert not any(b"very private" in body or b"Twice" in body for body in stored)
