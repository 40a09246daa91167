"""What the coordinator says to islands, on a real server."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.accounts.roles import Role
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.mailbox import Broker, Outbox
from adapters.nats.streams import WAITING_JOBS_PER_ISLAND_MAX, create_streams
from commands.process import SendAssignment
from domain.ids import IslandId, JobId
from tests.examples import ISLAND, JOB_ID, OTHER_ISLAND, origin, submitted
from tests.fabric import Fabric


@pytest.fixture
async def outbox(nats_client: Client, fabric: Fabric) -> AsyncIterator[Outbox]:
    await create_streams(nats_client)
    log = JetStreamEventLog(nats_client)
    await log.append(f"job.{JOB_ID}", [submitted()], expected=0, origin=origin("c1"))
    broker = Broker(fabric.access(Role.COORDINATOR), "test")
    made = Outbox(broker, log, lambda digest: f"http://localhost/{digest}")
    await broker.start()
    try:
        yield made
    finally:
        await broker.stop()


def attempt(number: int, island_id: IslandId = ISLAND) -> SendAssignment:
    return SendAssignment(job_id=JOB_ID, attempt=number, island_id=island_id, lease_ends_at_ms=1)


async def waiting(client: Client, island_id: IslandId) -> int:
    info = await client.jetstream().stream_info(subjects.JOBS, subjects_filter=subjects.jobs(island_id))
    return sum((info.state.subjects or {}).values())


async def test_an_assignment_sent_twice_waits_once(outbox: Outbox, nats_client: Client) -> None:
    await outbox.send_assignment(attempt(2))
    await outbox.send_assignment(attempt(2))
    assert await waiting(nats_client, ISLAND) == 1
    stored = await nats_client.jetstream().get_last_msg(subjects.JOBS, subjects.jobs(ISLAND))
    assert json.loads(stored.data or b"")["job_id"] == f"{JOB_ID}_2"


async def test_an_island_that_takes_nothing_does_not_hold_up_others(
    outbox: Outbox, nats_client: Client
) -> None:
    heard = await nats_client.subscribe(subjects.jobs(ISLAND))
    await nats_client.flush()
    for number in range(1, WAITING_JOBS_PER_ISLAND_MAX + 2):
        await outbox.send_assignment(attempt(number))
    await outbox.send_assignment(attempt(99, OTHER_ISLAND))
    assert await waiting(nats_client, ISLAND) == WAITING_JOBS_PER_ISLAND_MAX
    assert await waiting(nats_client, OTHER_ISLAND) == 1
    await nats_client.flush()
    assert heard.pending_msgs == WAITING_JOBS_PER_ISLAND_MAX + 1, "whoever listens hears it all the same"


@pytest.mark.parametrize("stand_in", ["[erased]", "[encrypted]"])
async def test_an_input_that_nobody_can_read_is_sent_to_nobody(
    outbox: Outbox, nats_client: Client, stand_in: str
) -> None:
    lost = JobId("job-lost")
    unreadable = submitted(job_id=lost, input_json=json.dumps(stand_in))
    log = JetStreamEventLog(nats_client)
    await log.append(f"job.{lost}", [unreadable], expected=0, origin=origin("c2"))
    await outbox.send_assignment(replace(attempt(1), job_id=lost))
    assert await waiting(nats_client, ISLAND) == 0
    await outbox.send_assignment(attempt(1))
    assert await waiting(nats_client, ISLAND) == 1
