"""The document of the fabric, made from the mailboxes as the coordinator has them."""

import json
from collections.abc import AsyncIterator

import pytest
from faststream.nats import NatsBroker
from nats.aio.client import Client

from adapters.nats.accounts.roles import Role
from adapters.nats.asyncapi import document
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.mailbox import Broker, Outbox
from tests.fabric import Fabric


@pytest.fixture
async def broker(nats_client: Client, fabric: Fabric) -> AsyncIterator[NatsBroker]:
    log = JetStreamEventLog(nats_client)
    broker = Broker(fabric.access(Role.COORDINATOR), "test")
    Outbox(broker, log, lambda digest: digest)
    yield broker
    await broker.stop()


async def test_every_message_between_islands_and_coordinator_is_in_it(broker: NatsBroker) -> None:
    found = document(broker, "1.2.3")
    addresses = {channel["address"] for channel in found["channels"].values()}
    assert {
        "host.*.status",
        "host.*.heartbeat",
        "host.{island_id}.jobs",
        "host.{island_id}.cancel",
    } <= addresses
    assert {"JobStatus", "LeaseRenewal", "HostHeartbeat", "RegisterHost", "AssignJob", "CancelJob"} <= set(
        found["components"]["schemas"]
    )
    assert (found["asyncapi"], found["info"]["version"]) == ("3.0.0", "1.2.3")


async def test_every_reference_in_it_leads_somewhere(broker: NatsBroker) -> None:
    found = document(broker, "1")

    def references(part: object) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [one for value in part.values() for one in references(value)]
        return [one for value in part for one in references(value)] if isinstance(part, list) else []

    for reference in references(found):
        place = found
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


async def test_no_address_and_no_password_stand_in_it(broker: NatsBroker) -> None:
    told = json.dumps(document(broker, "1"))
    assert "password" not in told
    assert "127.0.0.1" not in told
