"""The document of the fabric, made from the mailboxes as the coordinator has them."""

import json
from collections.abc import AsyncIterator

import pytest
from faststream.nats import NatsBroker
from nats.aio.client import Client

from adapters.nats import subjects
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
    claims = ("heartbeat", "status", "lease", "output", "progress", "ping", "pong")
    own = (*claims, "jobs", "cancel", "preload", "probe")
    addresses = {channel["address"] for channel in found["channels"].values()}
    assert addresses == {None, subjects.REGISTER, subjects.PAIRING} | {
        f"host.{{island_id}}.{kind}" for kind in own
    }
    bodies = {
        "AssignJob",
        "CancelJob",
        "HostHeartbeat",
        "JobOutput",
        "JobProgress",
        "JobStatus",
        "LeaseRenewal",
        "PairingAnswer",
        "PairingRequest",
        "PreloadRecommendation",
        "RegisterHost",
    }
    assert set(found["components"]["messages"]) == bodies | {"Ping", "Pong", "Probe"}
    assert bodies <= set(found["components"]["schemas"])
    assert (found["asyncapi"], found["info"]["version"]) == ("3.0.0", "1.2.3")


async def test_it_tells_who_says_what_and_what_is_answered(broker: NatsBroker) -> None:
    operations = document(broker, "1")["operations"]
    said = {name for name, operation in operations.items() if operation["action"] == "send"}
    assert said == {"Assignments", "Cancellations", "Preloads", "Probes"}
    answers = {
        name: operation["reply"]["messages"] for name, operation in operations.items() if "reply" in operation
    }
    assert answers == {
        "Pairings": [{"$ref": "#/channels/PairingsAnswers/messages/PairingAnswer"}],
        "Pings": [{"$ref": "#/channels/PingsAnswers/messages/Pong"}],
    }


async def test_a_channel_of_one_island_explains_its_parameter(broker: NatsBroker) -> None:
    for channel in document(broker, "1")["channels"].values():
        is_own = "{island_id}" in (channel["address"] or "")
        assert is_own == ("island_id" in channel.get("parameters", {}))


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
