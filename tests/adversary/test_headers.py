"""A hostile island sends headers that mean something to a stream, to the server or to those who read the stream."""

import asyncio
import json
import time
from typing import Final

import pytest

from adapters.nats import subjects
from adapters.nats.accounts.roles import Role
from adapters.nats.replies import position_of, read_batches
from tests.adversary.members import EFFECT_S, answer_of
from tests.adversary.raw_headers import block, publish_raw
from tests.adversary.scene import Scene
from tests.fabric import settle

pytestmark = pytest.mark.asyncio(loop_scope="module")

TO_THE_STREAM: Final = {
    "roll-up of a subject": block(b"Nats-Rollup: sub"),
    "roll-up of everything": block(b"Nats-Rollup: all"),
    "short life": block(b"Nats-TTL: 1s"),
    "no life at all": block(b"Nats-TTL: 0"),
    "for ever": block(b"Nats-TTL: never"),
    "deletion marker": block(b"Nats-Marker-Reason: Purge"),
    "counter": block(b"Nats-Incr: 1"),
    "schedule": block(b"Nats-Schedule: @every 1s", b"Nats-Schedule-Target: host.{victim}.status"),
    "schedule of a fact": block(
        b"Nats-Schedule: @at 2020-01-01T00:00:00Z", b"Nats-Schedule-Target: evt.job.x"
    ),
    "schedule's answer": block(b"Nats-Scheduler: host.{victim}.status", b"Nats-Schedule-Next: purge"),
    "open batch": block(b"Nats-Batch-Id: forged", b"Nats-Batch-Sequence: 1"),
    "whole batch": block(b"Nats-Batch-Id: forged", b"Nats-Batch-Sequence: 1", b"Nats-Batch-Commit: 1"),
    "another stream": block(b"Nats-Expected-Stream: EVT"),
    "a sequence": block(b"Nats-Expected-Last-Sequence: 0"),
    "a sequence of the subject": block(b"Nats-Expected-Last-Subject-Sequence: 0"),
    "a sequence of another subject": block(
        b"Nats-Expected-Last-Subject-Sequence: 0",
        b"Nats-Expected-Last-Subject-Sequence-Subject: host.{victim}.status",
    ),
    "a last message": block(b"Nats-Expected-Last-Msg-Id: guessed"),
    "a source": block(b"Nats-Stream-Source: EVT 1 > > evt.job.forged"),
    "a newer server": block(b"Nats-Required-Api-Level: 99"),
}
TO_THE_SERVER: Final = {
    "trace to a fact": block(b"Nats-Trace-Dest: evt.job.forged"),
    "trace to the victim": block(b"Nats-Trace-Dest: {victims_inbox}.unasked"),
    "trace in the victim's name": block(b"Nats-Trace-Dest: host.{victim}.status"),
    "trace without delivery": block(b"Nats-Trace-Dest: evt.job.forged", b"Nats-Trace-Only: true"),
    "traceparent": block(b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    "who asks": block(b'Nats-Request-Info: {"acc":"{victim}","svc":"host"}'),
    "a response": block(b"Nats-Response-Type: Singleton"),
}
TO_THE_READER: Final = {
    "place": block(b"Nats-Sequence: 1", b"Nats-Stream: EVT", b"Nats-Subject: evt.job.forged"),
    "time": block(b"Nats-Time-Stamp: 1970-01-01T00:00:00Z", b"Nats-Num-Pending: 0"),
    "status": block(b"Status: 409", b"Description: Consumer Deleted"),
    "no responders": block(b"Status: 503"),
    "heartbeat": block(b"Status: 100", b"Nats-Consumer-Stalled: evt.job.forged"),
    "status line": b"NATS/1.0 503\r\n\r\n",
    "status line of a heartbeat": b"NATS/1.0 100 Idle Heartbeat\r\n\r\n",
    "status line that is no text": b"NATS/1.0 \xff\xff\xff\r\n\r\n",
    "description that is no text": b"NATS/1.0 404 \xff\r\nA: b\r\n\r\n",
    "end in the middle": block(b"A: b", b"", b"Nats-Sequence: 1"),
    "open end": b"NATS/1.0\r\nNats-Sequence: 1",
    "no headers": b"",
    "one letter": b"X",
    "no version": b"something else altogether",
    "first line alone": b"NATS/1.0",
    "bare line feeds": b"NATS/1.0\nA: b\n\n",
    "zeros": block(b"A\0: \0", b"\0"),
    "names that are no text": block(b"\xff\xfe: \xff\xfe"),
    "one twice": block(b"Claim: e30", b"Claim: e31", b"Claim-Signature: AA", b"Claim-Signature: AB"),
    "a giant": block(b"A: " + 60_000 * b"x"),
    "a crowd": block(*(b"h%d: " % number for number in range(5_000))),
    "cause and actor": block(b"Actor: local", b"Cause: 1", b"Command-Id: forged", b"Body-Sha256: 00"),
}
KEPT: Final = ("host.{me}.status", "host.{me}.output")
SUBJECTS: Final = (*KEPT, "host.{me}.ping")
IGNORED: Final = {
    "a sequence of the subject",
    "a sequence of another subject",
    "a source",
    "deletion marker",
    "a newer server",
}
"""What a stream may keep: a condition that happens to hold, and what means nothing to it."""
HEADERS: Final = TO_THE_STREAM | TO_THE_SERVER | TO_THE_READER


def filled_in(scene: Scene, headers: bytes) -> bytes:
    for name in (b"victims_inbox", b"victim"):
        place = b"{" + name + b"}"
        headers = headers.replace(place, scene.named(place.decode()).encode())
    return headers


@pytest.mark.parametrize("name", HEADERS)
async def test_no_header_reaches_beyond_its_own_message(scene: Scene, name: str) -> None:
    """A stream stores nothing that asks for more than to be kept; the rest lies where it was said."""
    headers, before = filled_in(scene, HEADERS[name]), await scene.contents()
    said = [scene.named(template) for template in (KEPT if name in TO_THE_STREAM else SUBJECTS)]
    async with scene.nothing_changes():
        for subject in said:
            await publish_raw(scene.user, subject, headers)
        await settle(scene.user)
        assert scene.user.is_connected
    after = await scene.contents()
    stored = {after[subject] - before[subject] for subject in said}
    assert stored <= ({0} if name in TO_THE_STREAM.keys() - IGNORED else {0, 1}), stored
    await the_edge_answers(scene)


async def the_edge_answers(scene: Scene) -> None:
    assert (await answer_of(scene.victim.client, subjects.ping(scene.victim.island_id))) == b"pong"
    told = json.loads(await answer_of(scene.victim.client, subjects.PAIRING))
    assert told["error"] == "already paired"


async def test_a_trace_ends_at_the_border_of_the_account(scene: Scene) -> None:
    """The server's own report of where a message went tells of nobody else's connections and subjects."""
    ear = await scene.free.subscribe("trace")
    await settle(scene.free)
    for template in SUBJECTS:
        await publish_raw(scene.free, scene.named(template), block(b"Nats-Trace-Dest: trace"))
    await settle(scene.free)
    async with scene.nothing_changes():
        pass
    await settle(scene.free)
    told = [await ear.next_msg() for _ in range(ear.pending_msgs)]
    await ear.unsubscribe()
    for one in told:
        for secret in ("coordinator", "intake", "edge", scene.victim.island_id):
            assert secret not in one.data.decode(), one.data


async def test_a_message_id_that_was_used_first_holds_up_nobody(scene: Scene) -> None:
    """Ids are known to a stream for a tenth of a second, whoever used them; then the victim's word is stored."""
    guessed = {subjects.MESSAGE_ID: "guessed"}
    victim = scene.victim
    beat = subjects.heartbeat(victim.island_id)
    receipt = await scene.user.request(scene.named("host.{me}.heartbeat"), b"{}", headers=guessed, timeout=5)
    assert "error" not in json.loads(receipt.data)
    stored = 0
    deadline = time.monotonic() + EFFECT_S
    while not stored:
        assert time.monotonic() < deadline
        answer = json.loads((await victim.client.request(beat, b"{}", headers=guessed, timeout=5)).data)
        stored = 0 if answer.get("duplicate") else answer["seq"]
        await asyncio.sleep(0.01)
    assert (await scene.operator.jetstream().get_msg(subjects.HEARTBEATS, stored)).subject == beat


async def test_output_with_a_forged_place_is_read_at_its_own(scene: Scene) -> None:
    own = subjects.output(scene.attacker.island_id)
    before = await scene.operator.jetstream().stream_info(subjects.JOB_OUTPUT)
    for headers in TO_THE_READER.values():
        await publish_raw(scene.user, own, headers)
    last = await scene.user.request(own, b"{}", timeout=5)
    async with scene.fabric.connected(Role.API) as api:
        read = [
            message
            async for batch in read_batches(api, subjects.JOB_OUTPUT, own, start=before.state.last_seq + 1)
            for message in batch
        ]
    places = [position_of(message) for message in read]
    assert places == sorted(places)
    assert places[-1] == json.loads(last.data)["seq"]
    assert {(message.headers or {})["Nats-Subject"] for message in read} == {own}
