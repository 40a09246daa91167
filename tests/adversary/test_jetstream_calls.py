"""A hostile island calls JetStream: to read, change, empty or delete what is not its own."""

import json
from typing import Final

import pytest

from tests.adversary.members import NOBODY, answer_of
from tests.adversary.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAMS: Final = (
    "EVT",
    "JOBS",
    "JOB_STATUS",
    "JOB_OUTPUT",
    "HEARTBEATS",
    "ADVISORIES",
    "ARTIFACTS",
    "SUBJECT_KEYS",
    "APPLICATIONS",
)
STREAM_CALLS: Final = (
    "STREAM.INFO.{stream}",
    "STREAM.UPDATE.{stream}",
    "STREAM.PURGE.{stream}",
    "STREAM.DELETE.{stream}",
    "STREAM.SNAPSHOT.{stream}",
    "STREAM.RESTORE.{stream}",
    "STREAM.MSG.GET.{stream}",
    "STREAM.MSG.DELETE.{stream}",
    "STREAM.LEADER.STEPDOWN.{stream}",
    "STREAM.PEER.REMOVE.{stream}",
    "DIRECT.GET.{stream}",
    "DIRECT.GET.{stream}.evt.job.x",
    "CONSUMER.CREATE.{stream}",
    "CONSUMER.CREATE.{stream}.mine",
    "CONSUMER.DURABLE.CREATE.{stream}.mine",
    "CONSUMER.NAMES.{stream}",
    "CONSUMER.LIST.{stream}",
    "CONSUMER.MSG.NEXT.{stream}.intake",
    "CONSUMER.DELETE.{stream}.intake",
)
CONSUMER_CALLS: Final = (
    "CONSUMER.CREATE.JOBS.host-{whose}.host.{whose}.jobs",
    "CONSUMER.DURABLE.CREATE.JOBS.host-{whose}",
    "CONSUMER.DELETE.JOBS.host-{whose}",
    "CONSUMER.PAUSE.JOBS.host-{whose}",
    "CONSUMER.RESET.JOBS.host-{whose}",
    "CONSUMER.UNPIN.JOBS.host-{whose}",
    "CONSUMER.LEADER.STEPDOWN.JOBS.host-{whose}",
)
OTHERS_QUEUE: Final = ("CONSUMER.MSG.NEXT.JOBS.host-{victim}", "CONSUMER.INFO.JOBS.host-{victim}")
SERVER_CALLS: Final = (
    "INFO",
    "STREAM.CREATE.MINE",
    "STREAM.NAMES",
    "STREAM.LIST",
    "STREAM.TEMPLATE.CREATE.MINE",
    "META.LEADER.STEPDOWN",
    "SERVER.REMOVE",
    "ACCOUNT.PURGE.{victim}",
    "ACCOUNT.STREAM.MOVE.{victim}.JOBS",
    "ACCOUNT.STREAM.CANCEL_MOVE.{victim}.JOBS",
)
CALLS: Final = (*STREAM_CALLS, *CONSUMER_CALLS, *OTHERS_QUEUE, *SERVER_CALLS)
PREFIXES: Final = ("$JS.API.", "$JS.core.API.")
"""At home nobody answers under the first, and CORE's own answers under the second, where they are let through."""
CONSUMER: Final = b'{"stream_name":"JOBS","config":{"durable_name":"mine","ack_policy":"explicit"}}'
BODIES: Final = (
    ("STREAM.UPDATE", b'{"name":"JOBS","subjects":["host.*.jobs"],"max_msgs":1}'),
    ("STREAM.CREATE", b'{"name":"MINE","subjects":["host.>"]}'),
    ("STREAM.SNAPSHOT", b'{"deliver_subject":"mine"}'),
    ("STREAM.RESTORE", b'{"config":{"name":"MINE"},"state":{}}'),
    ("STREAM.MSG", b'{"seq":1}'),
    ("STREAM.PEER", b'{"peer":"archipelago"}'),
    ("SERVER.REMOVE", b'{"peer":"archipelago"}'),
    ("DIRECT.GET", b'{"seq":1}'),
    ("CONSUMER.CREATE", CONSUMER),
    ("CONSUMER.DURABLE", CONSUMER),
    ("CONSUMER.MSG", b'{"batch":1000,"no_wait":true}'),
    ("CONSUMER.PAUSE", b'{"pause_until":"2999-01-01T00:00:00Z"}'),
    ("CONSUMER.RESET", b'{"seq":1}'),
    ("CONSUMER.UNPIN", b'{"group":"mine"}'),
)
NO_JETSTREAM: Final = ("not enabled for account", "clustering support required")


def body_of(call: str) -> bytes:
    """What makes the call one that could succeed."""
    return next((body for prefix, body in BODIES if call.startswith(prefix)), b"")


def refusal_in(answer: bytes) -> str:
    """Empty where it is none."""
    return str(json.loads(answer).get("error", {}).get("description", ""))


def targets(scene: Scene, call: str) -> list[str]:
    """The call on every stream, or on the consumers of the victim and of the attacker."""
    if "{stream}" in call:
        return [call.format(stream=stream) for stream in STREAMS]
    if "{whose}" in call:
        return [call.format(whose=island.island_id) for island in (scene.victim, scene.attacker)]
    return [scene.named(call)]


@pytest.mark.parametrize("call", CALLS)
async def test_nobody_but_the_server_answers_the_call_at_home(scene: Scene, call: str) -> None:
    """As the user it is denied; as one without permissions it learns that the account has no JetStream."""
    user, free, body = scene.user, scene.free, body_of(call)
    async with scene.nothing_changes():
        for called in targets(scene, call):
            for subject in (f"$JS.API.{called}", f"$JS.core.API.{called}"):
                assert await scene.attacker.is_denied(user, user.publish(subject, body), subject)
            at_home = await answer_of(free, f"$JS.API.{called}", body)
            assert at_home == NOBODY or refusal_in(at_home).endswith(NO_JETSTREAM), at_home
            assert await answer_of(free, f"$JS.core.API.{called}", body) == NOBODY
