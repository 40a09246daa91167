"""A hostile island publishes where it has no business: as the user it is, and as one whom no permission keeps in."""

from typing import Final

import pytest

from tests.adversary.members import NOBODY, answer_of
from tests.adversary.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORGED: Final = b'{"job_id":"{job}","state":"succeeded"}'

FACTS: Final = (
    "evt.job.forged",
    "evt.job.{job}",
    "evt.island.{victim}",
    "evt.island.{me}",
    "evt.account.local",
)
OF_THE_VICTIM: Final = tuple(
    f"host.{{victim}}.{kind}"
    for kind in (
        *("heartbeat", "status", "lease", "output", "progress", "image", "ping", "pong"),
        *("cancel", "preload", "probe", "jobs"),
    )
)
OF_ITS_OWN: Final = (
    "host.{me}.jobs",
    "host.{me}.cancel",
    "host.{me}.preload",
    "host.{me}.probe",
    "host.{me}.bogus",
    "host.{me}.status.more",
    "host.{me}",
)
GREETINGS: Final = (
    "coordinator.hosts.register.{victim}",
    "coordinator.hosts.register.{me}",
    "coordinator.hosts.pairing.{victim}",
    "coordinator.hosts.pairing.{me}",
)
OF_OUR_COMPONENTS: Final = (
    "net.announce.prices",
    "advisory.claim_rejected.{victim}.forged",
    "artifact.0123abcd.0",
    "registrar.documents.{victim}",
    "registrar.documents.{me}",
    "registrar.floods.{victim}",
    "_INBOX_coordinator.x",
    "_INBOX_registrar.x",
    "_INBOX_edge.x",
    "_INBOX.x",
    "{victims_inbox}.unasked",
    "_R_.forged.answer",
    "_GR_.forged",
)
OF_THE_SERVER: Final = (
    "$SYS.REQ.CLAIMS.DELETE",
    "$SYS.REQ.CLAIMS.LIST",
    "$SYS.REQ.CLAIMS.UPDATE",
    "$SYS.REQ.ACCOUNT.{victim}.CLAIMS.UPDATE",
    "$SYS.REQ.ACCOUNT.{victim}.CLAIMS.LOOKUP",
    "$SYS.REQ.ACCOUNT.{victim}.CONNZ",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.SERVER.PING.KICK",
    "$SYS.REQ.SERVER.PING.RELOAD",
    "$SYS.REQ.USER.AUTH",
    "$SYS.ACCOUNT.{victim}.CONNECT",
    "$SYS._INBOX.x",
    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.JOBS.host-{victim}",
    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.JOB_STATUS.intake",
    "$NRG.V.JOBS",
    "$O.ARTIFACTS.C.x",
    "$KV.bucket.key",
    "$MQTT.msgs.x",
)
ELSEWHERE: Final = (
    *FACTS,
    *OF_THE_VICTIM,
    *OF_ITS_OWN,
    *GREETINGS,
    *OF_OUR_COMPONENTS,
    *OF_THE_SERVER,
)


@pytest.mark.parametrize("template", ELSEWHERE)
async def test_an_island_publishes_nothing_elsewhere(scene: Scene, template: str) -> None:
    """As the user it is denied; to one without permissions nobody answers, and nothing is stored."""
    subject = scene.named(template)
    async with scene.nothing_changes():
        assert await scene.attacker.is_denied(scene.user, scene.user.publish(subject, FORGED), subject)
        assert await answer_of(scene.free, subject, FORGED) == NOBODY
