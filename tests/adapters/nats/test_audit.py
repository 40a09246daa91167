"""A log that has lost commits is told of, server by server."""

import json
from typing import Any

import pytest
from nats.aio.client import Client

from adapters.nats.accounts.roles import Role
from adapters.nats.audit import Auditor, damages_in
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.streams import create_streams
from tests.fabric import Fabric


def answer(server: str, *streams: tuple[str, int, int, int]) -> bytes:
    """Of one server: each stream's name, number of messages, first and last position."""
    details: list[dict[str, Any]] = [
        {
            "name": name,
            "state": {"messages": messages, "bytes": 1, "first_seq": first, "last_seq": last},
            "cluster": {"leader": server},
        }
        for name, messages, first, last in streams
    ]
    found = {"account_details": [{"name": "CORE", "id": "A", "stream_detail": details}]}
    return json.dumps({"server": {"name": server, "id": "N"}, "data": found}).encode()


@pytest.mark.parametrize("copy", [("EVT", 10, 1, 10), ("EVT", 0, 0, 0), ("EVT", 0, 1, 0)])
def test_whole_copies_are_nothing_to_tell(copy: tuple[str, int, int, int]) -> None:
    assert damages_in([answer("a", copy), answer("b", copy)]) == []


@pytest.mark.parametrize(
    ("copy", "told"),
    [
        (("EVT", 9, 1, 10), "b: the event log holds 9 of 10 commits"),
        (("EVT", 8, 3, 10), "b: the event log begins at 3 instead of 1"),
        (("EVT", 0, 11, 10), "b: the event log holds 0 of 10 commits"),
    ],
)
def test_a_copy_that_lost_commits_is_named(copy: tuple[str, int, int, int], told: str) -> None:
    assert damages_in([answer("a", ("EVT", 10, 1, 10)), answer("b", copy)]) == [told]


def test_claims_come_and_go_unremarked() -> None:
    assert damages_in([answer("a", ("EVT", 1, 1, 1), ("HEARTBEATS", 3, 8, 10))]) == []


def test_servers_without_a_copy_are_fine_as_long_as_one_has_it() -> None:
    idle = json.dumps({"server": {"name": "b"}, "data": {}}).encode()
    assert damages_in([answer("a", ("EVT", 1, 1, 1)), idle]) == []
    assert damages_in([idle]) == ["no server has the event log"]


async def test_a_real_server_is_whole_until_somebody_deletes_from_its_log(
    fabric: Fabric, nats_client: Client
) -> None:
    log = nats_client.jetstream()
    await log.add_stream(name="EVT", subjects=["evt.*.*"])
    async with fabric.connected(Role.AUDITOR) as client:
        assert await Auditor(client).damages() == []
        for number in range(3):
            await log.publish(f"evt.job.j-{number}", b"[]")
        assert await Auditor(client).damages() == []
        await log.delete_msg("EVT", 2)
        assert await Auditor(client).damages() == ["archipelago: the event log holds 2 of 3 commits"]


async def test_the_deployed_log_is_found(fabric: Fabric, nats_client: Client) -> None:
    await create_streams(nats_client)
    assert await JetStreamEventLog(nats_client).last_position() == 0
    async with fabric.connected(Role.AUDITOR) as client:
        assert await Auditor(client).damages() == []
