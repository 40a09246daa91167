"""Batches over HTTP: submitted, followed, read and cancelled as one job. The test plays the batching process."""

import json
from typing import Any

import httpx
import pytest

from api.batch_text import merged
from commands.process import ReactionCarrier, advance
from commands.processes.batching import BATCHING
from domain.batch_events import Merge
from domain.ids import CargoSlug, IslandId, JobId
from projections.progress import ALL
from tests.api.network import SEEN_S, Network, Person
from tests.commands.mailboxes import RecordingMailbox

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXTS = ("one", "two", "three")


class Scene:
    """A person with a batch, an island, and the process that keeps up with both."""

    def __init__(self, network: Network, person: Person, slug: CargoSlug, island_id: IslandId) -> None:
        self.network = network
        self.person = person
        self.slug = slug
        self.island_id = island_id
        self._position = 0

    async def post(self, key: str = "", **fields: Any) -> httpx.Response:
        body = {"workload": self.slug, "inputs": [{"text": text} for text in TEXTS], **fields}
        headers = self.person.headers | ({"Idempotency-Key": key} if key else {})
        return await self.network.http.post("/jobs/batch", json=body, headers=headers)

    async def begin(self, **fields: Any) -> JobId:
        answer = await self.post(**fields)
        assert answer.status_code == 201, answer.text
        await self.keep_up()
        return JobId(answer.json()["id"])

    async def keep_up(self) -> None:
        """The batching process takes what is new until nothing is."""
        services = self.network.services
        carrier = ReactionCarrier(services.handler, RecordingMailbox(), services.outputs)
        async for commits in services.log.read(after=self._position):
            await advance(BATCHING, commits, carrier)
            self._position = commits[-1].position
        if await services.log.last_position() > self._position:
            await self.keep_up()
        assert await services.progress.wait(ALL, self._position, SEEN_S)

    async def get(self, path: str, **query: str) -> Any:
        answer = await self.network.http.get(path, headers=self.person.headers, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def status(self, batch_id: JobId) -> Any:
        return await self.get(f"/jobs/{batch_id}/batch-status")

    async def run(self, job_id: str, text: str) -> None:
        network, part = self.network, JobId(job_id)
        await network.assign(part, self.island_id)
        await network.start(part, self.island_id)
        await network.say(part, self.island_id, text, seq=1)
        await network.say(part, self.island_id, "", seq=2, last=True)
        await network.succeed(part, self.island_id)
        await self.keep_up()

    async def fail(self, job_id: str) -> None:
        part = JobId(job_id)
        await self.network.assign(part, self.island_id)
        await self.network.start(part, self.island_id)
        await self.network.fail(part, self.island_id)
        await self.keep_up()

    async def free(self) -> str:
        return str((await self.get("/account"))["credits"])


async def scene(network: Network, *, funds: int = 100) -> Scene:
    person = await network.person(funds=funds)
    return Scene(network, person, await network.cargo(), await network.island(person.account_id))


async def test_a_batch_runs_part_by_part_and_reads_as_one_job(network: Network) -> None:
    story = await scene(network)
    batch_id = await story.begin(max_parallelism=2)
    status = await story.status(batch_id)
    assert status["child_states"] == {"submitted": 3}
    parts = [child["id"] for child in status["children"]]
    assert len(parts) == len(TEXTS)
    await story.run(parts[1], "2")
    assert (await story.get(f"/jobs/{batch_id}/output"))["output"] == "2"
    await story.run(parts[0], "1")
    await story.run(parts[2], "3")
    job = await story.get(f"/jobs/{batch_id}")
    assert (job["state"], job["output"], job["data"]["status"]) == (
        "succeeded",
        {"text": "1\n2\n3"},
        "completed",
    )
    status = await story.status(batch_id)
    assert (status["parent_state"], status["child_states"]) == ("succeeded", {"succeeded": 3})
    assert [child["batch_index"] for child in status["children"]] == [0, 1, 2]


async def test_the_answer_to_a_submission_is_that_of_the_protocol(network: Network) -> None:
    story = await scene(network)
    answer = (await story.post(merge_strategy="flatten", fail_mode="fail_fast", bid_price="5")).json()
    assert (answer["state"], answer["workload"]) == ("running", story.slug)
    assert answer["batch"] == {
        "chunk_count": 3,
        "merge_strategy": "flatten",
        "fail_mode": "fail_fast",
        "max_parallelism": 10,
        "completed": 0,
        "failed": 0,
    }
    assert [child["batch_index"] for child in answer["children"]] == [0, 1, 2]
    assert (await story.get(f"/jobs/{answer['id']}"))["bid_price"] == "15.0"


async def test_lists_show_a_batch_and_its_parts_only_when_asked(network: Network) -> None:
    story = await scene(network)
    batch_id = await story.begin()
    assert [job["id"] for job in (await story.get("/jobs"))["jobs"]] == [batch_id]
    everything = (await story.get("/jobs", parts="true"))["jobs"]
    assert len(everything) == 4
    assert {job.get("batch_id") for job in everything} == {batch_id, None}


async def test_the_sum_of_all_bids_is_held_or_nothing_happens(network: Network) -> None:
    poor = await scene(network, funds=10)
    refused = await poor.post(bid_price="4")
    assert (refused.status_code, refused.json()["required"]) == (402, "12.0")
    assert (await poor.get("/jobs"))["jobs"] == []
    assert (await poor.post(bid_price="3")).status_code == 201
    assert await poor.free() == "1.0"


async def test_a_failed_part_of_a_fast_batch_cancels_the_others(network: Network) -> None:
    story = await scene(network)
    batch_id = await story.begin(fail_mode="fail_fast", max_parallelism=2)
    parts = [child["id"] for child in (await story.status(batch_id))["children"]]
    await story.fail(parts[1])
    status = await story.status(batch_id)
    assert status["parent_state"] == "failed"
    assert [child["state"] for child in status["children"]] == ["cancelled", "failed", "cancelled"]
    job = await story.get(f"/jobs/{batch_id}")
    assert (job["error_code"], job["error"]) == ("part_failed", "part 1: crashed")


async def test_a_cancelled_batch_cancels_its_parts_and_says_so_twice(network: Network) -> None:
    story = await scene(network)
    batch_id = await story.begin()
    for _ in range(2):
        answer = await network.http.delete(f"/jobs/{batch_id}", headers=story.person.headers)
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    await story.keep_up()
    assert (await story.status(batch_id))["child_states"] == {"cancelled": 3}


async def test_the_same_key_finds_the_same_batch_and_refuses_another(network: Network) -> None:
    story = await scene(network)
    first = await story.post("key-1")
    await story.keep_up()
    assert (await story.post("key-1")).json()["id"] == first.json()["id"]
    other = await story.post("key-1", priority=7)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_mismatch")
    assert (await story.get("/jobs"))["count"] == 1


async def test_a_stream_tells_how_many_parts_have_ended_and_then_the_whole(network: Network) -> None:
    story = await scene(network)
    batch_id = await story.begin(merge_strategy="flatten")
    parts = [child["id"] for child in (await story.status(batch_id))["children"]]
    for index, part in enumerate(parts):
        await story.run(part, json.dumps([index]))
    headers = story.person.headers
    told = await network.http.get(f"/jobs/{batch_id}/stream?format=events", headers=headers)
    events = [line for line in told.text.splitlines() if line.startswith(("event:", "data:"))]
    assert events == [
        "event: state",
        'data: {"state":"succeeded"}',
        "event: progress",
        'data: {"step":3,"total":3}',
        "event: chunk",
        'data: {"content":"[0,1,2]"}',
        "event: complete",
        'data: {"state":"succeeded"}',
    ]


async def test_somebody_elses_batch_is_not_found(network: Network) -> None:
    story, other = await scene(network), await network.person()
    batch_id = await story.begin()
    for path in (f"/jobs/{batch_id}/batch-status", f"/jobs/{batch_id}"):
        assert (await network.http.get(path, headers=other.headers)).status_code == 404
    assert (await network.http.delete(f"/jobs/{batch_id}", headers=other.headers)).status_code == 404


async def test_a_plain_job_has_no_parts(network: Network) -> None:
    person, slug = await network.somebody()
    job_id = await network.job(person, slug)
    answer = await network.http.get(f"/jobs/{job_id}/batch-status", headers=person.headers)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"inputs": []}, "inputs"),
        ({"inputs": [{}] * 101}, "inputs"),
        ({"inputs": [{}, "text"]}, "inputs.1"),
        ({"inputs": [{}, {"text": "x" * 300_000}]}, None),
        ({"merge_strategy": "sum"}, "merge_strategy"),
        ({"fail_mode": "never"}, "fail_mode"),
        ({"max_parallelism": 0}, "max_parallelism"),
        ({"bid_price": "0"}, "bid_price"),
    ],
)
async def test_a_wrong_field_of_a_batch_is_named(
    network: Network, change: dict[str, Any], field: str | None
) -> None:
    story = await scene(network)
    answer = await story.post(**change)
    assert answer.status_code == (413 if field is None else 422)
    assert answer.json()["message"].startswith(field or "inputs.1: at most 262144 bytes")
    assert await story.free() == "100.0"


@pytest.mark.parametrize(
    ("merge", "outputs", "whole"),
    [
        (Merge.CONCAT, ["a", "b\n", "c"], "a\nb\nc"),
        (Merge.CONCAT, ["[1]", "[[2],3]"], "[1,[2],3]"),
        (Merge.CONCAT, ["[1]", "no list"], "[1]\nno list"),
        (Merge.CONCAT, [], ""),
        (Merge.FLATTEN, ["[1,[2]]", "3", '{"a":4}', "five"], '[1,[2],3,{"a":4},"five"]'),
        (Merge.FLATTEN, [], "[]"),
    ],
)
async def test_outputs_are_merged_in_their_order(merge: Merge, outputs: list[str], whole: str) -> None:
    assert merged(outputs, merge) == whole
