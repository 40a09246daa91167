"""A hostile island listens where it has no business: by wildcards, in queue groups, in others' inboxes."""

import json
from typing import Final

import pytest

from adapters.nats import subjects
from adapters.nats.accounts.roles import Role
from tests.adversary.scene import Scene
from tests.fabric import settle

pytestmark = pytest.mark.asyncio(loop_scope="module")

OF_THE_VICTIM: Final = tuple(
    f"host.{{victim}}.{kind}"
    for kind in (
        "cancel",
        "preload",
        "probe",
        "jobs",
        "status",
        "heartbeat",
        "lease",
        "output",
        "ping",
        "pong",
    )
)
WIDE: Final = (
    ">",
    "*",
    "*.*",
    "*.>",
    "*.*.*",
    "evt.>",
    "evt.*.*",
    "evt.account.local",
    "host.>",
    "host.*.cancel",
    "host.*.jobs",
    "host.*.status",
    "host.*.ping",
    "host.{me}.>",
    "host.{me}.*",
    "net.>",
    "coordinator.>",
    "coordinator.hosts.register.*",
    "coordinator.hosts.pairing.*",
    "registrar.>",
    "registrar.documents.*",
    "registrar.floods.*",
    "advisory.>",
    "artifact.>",
)
OF_THE_SERVER: Final = (
    "_INBOX.>",
    "_INBOX_edge.>",
    "_INBOX_coordinator.>",
    "_INBOX_registrar.>",
    "{victims_inbox}.>",
    "_R_.>",
    "$JS.>",
    "$JS.API.>",
    "$JS.core.API.>",
    "$JS.ACK.>",
    "$JS.ACK.JOBS.host-{victim}.>",
    "$JS.EVENT.ADVISORY.>",
    "$SYS.>",
    "$SYS.REQ.USER.AUTH",
    "$SYS.REQ.>",
    "$SYS.ACCOUNT.>",
    "$NRG.>",
    "$O.>",
    "$KV.>",
)
ELSEWHERE: Final = (*OF_THE_VICTIM, *WIDE, *OF_THE_SERVER)
QUEUES: Final = (
    ("host.*.ping", "edge"),
    ("coordinator.hosts.pairing.*", "edge"),
    ("registrar.floods.*", "edge"),
    ("registrar.documents.*", "registrar"),
    ("$SYS.REQ.USER.AUTH", "door"),
    ("host.{victim}.cancel", "queue"),
)


async def everybody_speaks(scene: Scene) -> None:
    """Each kind of thing that must not be overheard is said once, and has reached whom it is for."""
    victim = scene.victim
    await scene.operator.publish(subjects.cancel(victim.island_id), b'{"job_id":"of another time"}')
    await settle(scene.operator)
    assert (await victim.client.request(subjects.ping(victim.island_id), b"", timeout=5)).data == b"pong"
    answer = await victim.client.request(subjects.PAIRING, b"{}", timeout=5)
    assert json.loads(answer.data)["error"] == "already paired"
    async with scene.fabric.connected(Role.API) as api:
        answer = await api.request(subjects.documents(victim.island_id), b'{"position":0}', timeout=5)
    assert "user_jwt" in json.loads(answer.data)
    await victim.works()
    assert [subject for subject, _ in victim.heard] == [subjects.cancel(victim.island_id)]


@pytest.mark.parametrize(("template", "queue"), [*((one, "") for one in ELSEWHERE), *QUEUES])
async def test_an_island_hears_nothing_of_others(scene: Scene, template: str, queue: str) -> None:
    """As the user it is denied; one without permissions may listen in its own account, where nobody speaks."""
    subject, user, free = scene.named(template), scene.user, scene.free
    assert await scene.attacker.is_denied(user, user.subscribe(subject, queue=queue), subject)
    ear = await free.subscribe(subject, queue=queue)
    try:
        await settle(free)
        scene.victim.heard.clear()
        await everybody_speaks(scene)
        await settle(free)
        assert ear.pending_msgs == 0
    finally:
        await ear.unsubscribe()
