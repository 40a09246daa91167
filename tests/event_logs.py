"""The two event logs as fixtures: `jetstream_log` on the session's server, and `log`, which is both in turn."""

from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.accounts.roles import Role
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.streams import STREAMS, create_stream
from commands.event_log import EventLog
from tests.fabric import Fabric
from tests.memory_log import MemoryEventLog


@pytest.fixture
async def jetstream_log(fabric: Fabric, nats_client: Client) -> AsyncIterator[JetStreamEventLog]:
    """With the rights of a coordinator."""
    (facts,) = (stream for stream in STREAMS if stream.name == subjects.EVT)
    await create_stream(nats_client, facts, replicas=1)
    async with fabric.connected(Role.COORDINATOR) as client:
        yield JetStreamEventLog(client)


@pytest.fixture(params=["memory", "jetstream"])
def log(request: pytest.FixtureRequest) -> EventLog:
    if request.param == "memory":
        return MemoryEventLog()
    on_jetstream: EventLog = request.getfixturevalue("jetstream_log")
    return on_jetstream
