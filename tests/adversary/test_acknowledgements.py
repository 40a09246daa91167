"""A hostile island acknowledges what it was never given: to make another's job vanish, come again or never come."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from nats.aio.msg import Msg

from adapters.nats import subjects
from tests.adversary.members import NOBODY, answer_of
from tests.adversary.scene import Scene
from tests.fabric import settle

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORDS: Final = (
    b"+ACK",
    b"",
    b"-NAK",
    b'-NAK {"delay":1}',
    b"+WPI",
    b"+TERM",
    b"+TERM because",
    b'+NXT {"batch":9}',
)
QUIET_WORDS: Final = (b"+ACK", b"-NAK", b"+TERM")
OWN_TERMINATION: Final = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.JOBS.host-{me}"
OLD_TOKENS: Final = 9
"""Of a receipt without domain and account hash."""


@asynccontextmanager
async def queued(scene: Scene) -> AsyncIterator[tuple[Msg, Msg, int]]:
    """What the victim holds unacknowledged, what the attacker does, and the place of what waits for the victim."""
    victim, attacker = scene.victim, scene.attacker
    log = scene.operator.jetstream()
    for owner in (attacker, victim):
        await log.publish(subjects.jobs(owner.island_id), b'{"job_id":"bait"}')
    waiting = await log.publish(subjects.jobs(victim.island_id), b'{"job_id":"bait"}')
    held = []
    for owner, client in ((victim, victim.client), (attacker, scene.user)):
        queue = await client.jetstream(domain=subjects.CORE_DOMAIN).pull_subscribe_bind(
            subjects.jobs_consumer(owner.island_id), stream=subjects.JOBS
        )
        (message,) = await queue.fetch(1, timeout=5)
        held.append(message)
        await queue.unsubscribe()
    try:
        yield held[0], held[1], waiting.seq
    finally:
        for owner in (attacker, victim):
            await log.purge_stream(subjects.JOBS, subject=subjects.jobs(owner.island_id))


def receipt_for(own: str, *, place: int, delivery: int) -> str:
    """One's own receipt, made out for another message of the stream."""
    tokens = own.split(".")
    first = 5 if len(tokens) == OLD_TOKENS else 7
    tokens[first : first + 2] = [str(place), str(delivery)]
    return ".".join(tokens)


def in_both_layouts(receipt: str) -> list[str]:
    """The receipt, and what it would be in the other layout."""
    tokens = receipt.split(".")
    if len(tokens) == OLD_TOKENS:
        return [receipt, ".".join([*tokens[:2], "_", "hash", *tokens[2:]])]
    return [receipt, ".".join([*tokens[:2], *tokens[4:]])]


@pytest.mark.parametrize("word", WORDS)
async def test_another_s_delivery_cannot_be_acknowledged(scene: Scene, word: bytes) -> None:
    async with queued(scene) as (victims, _, _waiting), scene.nothing_changes():
        for receipt in in_both_layouts(victims.reply):
            assert await scene.attacker.is_denied(scene.user, scene.user.publish(receipt, word), receipt)
            assert await answer_of(scene.free, receipt, word) == NOBODY


@pytest.mark.parametrize("word", WORDS)
async def test_one_s_own_receipt_made_out_for_another_s_job_counts_for_nothing(
    scene: Scene, word: bytes
) -> None:
    """The server notes that the attacker's own consumer gave something up, and gives up nothing."""
    async with queued(scene) as (victims, own, waiting), scene.nothing_changes(OWN_TERMINATION):
        held = victims.metadata.sequence.stream
        for place in (held, waiting):
            for delivery in (1, place):
                for receipt in in_both_layouts(receipt_for(own.reply, place=place, delivery=delivery)):
                    for client in (scene.user, scene.free):
                        await client.publish(receipt, word)
        for client in (scene.user, scene.free):
            await settle(client)


@pytest.mark.parametrize("word", QUIET_WORDS)
async def test_a_job_that_is_yet_to_come_cannot_be_acknowledged(scene: Scene, word: bytes) -> None:
    async with queued(scene) as (_victims, own, waiting):
        for ahead in range(1, 9):
            for receipt in in_both_layouts(receipt_for(own.reply, place=waiting + ahead, delivery=ahead)):
                await scene.user.publish(receipt, word)
        await settle(scene.user)
        before = await scene.contents()
        stored = await scene.operator.jetstream().publish(subjects.jobs(scene.victim.island_id), b"{}")
        assert stored.seq == waiting + 1
        await scene.victim.works()
        after = await scene.contents()
        queue = "waiting in the victim's queue"
        assert after[queue] == before[queue] + 1


@pytest.mark.parametrize(
    "place", ["0", "-1", "18446744073709551616", "x", "", "*", ">"], ids=lambda place: place or "empty"
)
async def test_a_receipt_for_no_place_at_all_stops_nobody(scene: Scene, place: str) -> None:
    async with queued(scene) as (_victims, own, _waiting), scene.nothing_changes():
        tokens = own.reply.split(".")
        tokens[-4] = place
        await scene.free.publish(".".join(tokens), b"+ACK")
        await settle(scene.free)


async def test_an_own_job_that_is_acknowledged_twice_is_gone_once(scene: Scene) -> None:
    async with queued(scene) as (_victims, own, _waiting):
        async with scene.nothing_changes("host.{me}.jobs"):
            for _ in range(3):
                await answer_of(scene.user, own.reply, b"+ACK")
        assert (await scene.contents())[scene.named("host.{me}.jobs")] == 0


@pytest.mark.parametrize("batch", [1, 1_000, 1_000_000_000, -1])
async def test_a_greedy_pull_gets_its_own_jobs_alone(scene: Scene, batch: int) -> None:
    async with queued(scene), scene.nothing_changes():
        asked = scene.named("$JS.core.API.CONSUMER.MSG.NEXT.JOBS.host-{me}")
        told = await answer_of(scene.user, asked, json.dumps({"batch": batch, "no_wait": True}).encode())
        assert told in (NOBODY, b""), told
