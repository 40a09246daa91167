"""A hostile island lets the server speak for it: by asking something and naming a foreign subject for the answer.

The server publishes answers (a stream's receipt, a job that was pulled, a pong) without looking at anybody's
permissions. Only the account decides where they can go.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest

from adapters.nats import subjects
from tests.adversary.members import NOBODY, answer_of
from tests.adversary.scene import Scene
from tests.fabric import settle

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUESTIONS: Final = (
    "host.{me}.status",
    "host.{me}.heartbeat",
    "host.{me}.output",
    "host.{me}.ping",
    "coordinator.hosts.register",
    "coordinator.hosts.pairing",
    "$JS.core.API.CONSUMER.MSG.NEXT.JOBS.host-{me}",
    "$JS.core.API.CONSUMER.INFO.JOBS.host-{me}",
)
ANSWERED_TO: Final = (
    "evt.job.forged",
    "evt.island.{me}",
    "host.{victim}.status",
    "host.{victim}.jobs",
    "host.{victim}.cancel",
    "host.{me}.status",
    "{victims_inbox}.unasked",
    "_INBOX_coordinator.x",
    "coordinator.hosts.register.{victim}",
    "registrar.floods.{victim}",
    "advisory.claim_rejected.{victim}.forged",
    "$JS.API.STREAM.PURGE.JOBS",
    "$JS.API.CONSUMER.DELETE.JOBS.host-{victim}",
    "$JS.ACK.JOBS.host-{victim}.1.1.1.1.0",
    "$SYS.REQ.CLAIMS.DELETE",
)
PULL: Final = b'{"batch":1,"no_wait":true}'


@asynccontextmanager
async def bait(scene: Scene) -> AsyncIterator[None]:
    """Something to pull, so that a pull is answered by a message that the coordinator has written."""
    own = subjects.jobs(scene.attacker.island_id)
    await scene.operator.jetstream().publish(own, b'{"job_id":"bait"}')
    yield
    await scene.operator.jetstream().purge_stream(subjects.JOBS, subject=own)


@pytest.mark.parametrize("reply", ANSWERED_TO)
async def test_no_answer_goes_where_an_island_points_it(scene: Scene, reply: str) -> None:
    # A pulled job keeps its own subject wherever it is sent: in a stream of claims no claim can have that one.
    junk = ("host.{me}.jobs", "advisory.claim_rejected.unknown.bad_subject")
    async with bait(scene), scene.nothing_changes(*junk):
        for client in (scene.user, scene.free):
            for question in QUESTIONS:
                body = PULL if ".MSG.NEXT." in question else b"{}"
                await client.publish(scene.named(question), body, reply=scene.named(reply))
            await settle(client)


@pytest.mark.parametrize("question", QUESTIONS[:-2])
async def test_an_answer_that_is_a_claim_is_junk_in_its_own_name(scene: Scene, question: str) -> None:
    """The receipt of one claim comes as another: unsigned, so nobody believes it."""
    before = await scene.contents()
    async with scene.nothing_changes():
        await scene.free.publish(scene.named(question), b"{}", reply=scene.named("host.{me}.lease"))
        await settle(scene.free)
    after = await scene.contents()
    own = scene.named("host.{me}.lease")
    assert after[own] - before[own] in (0, 1)
    stored = after[subjects.fact(f"island.{scene.attacker.island_id}")]
    assert stored == before[subjects.fact(f"island.{scene.attacker.island_id}")]


@pytest.mark.parametrize("who", ["user", "free"])
async def test_an_island_hears_of_its_own_queue_and_of_no_other(scene: Scene, who: str) -> None:
    client = scene.user if who == "user" else scene.free
    asked = "$JS.core.API.CONSUMER.INFO.JOBS.host-"
    own = json.loads(await answer_of(client, asked + scene.attacker.island_id))
    assert own["name"] == f"host-{scene.attacker.island_id}"
    async with scene.nothing_changes():
        assert await answer_of(client, asked + scene.victim.island_id) == NOBODY


@pytest.mark.parametrize("named", ["host_id", "island_id", "host", "isl"])
async def test_pairing_is_asked_for_in_ones_own_name_whatever_the_body_says(scene: Scene, named: str) -> None:
    pending = await scene.member(scene.nobody)
    client = await pending.connect()
    async with scene.nothing_changes():
        body = json.dumps({named: scene.victim.island_id}).encode()
        told = json.loads(await answer_of(client, subjects.PAIRING, body))
    answer = await scene.mallory.post("/pair", json={"code": told["code"]})
    assert answer.json()["host_id"] == pending.island_id
