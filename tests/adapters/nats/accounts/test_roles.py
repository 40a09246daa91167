"""What none of our own components may do, whoever takes it over. What each may, the tests of its work show."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import nats
import pytest
from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import options_of
from adapters.nats.streams import STREAMS, create_streams
from tests.fabric import Fabric, settle

AT_RUN_TIME: Final = [role for role in Role if role is not Role.DEPLOY]
CHANGES: Final = (
    *(
        f"STREAM.{verb}.{{stream}}"
        for verb in ("CREATE", "UPDATE", "DELETE", "PURGE", "MSG.DELETE", "RESTORE")
    ),
    "STREAM.LEADER.STEPDOWN.{stream}",
    "STREAM.PEER.REMOVE.{stream}",
    "CONSUMER.DELETE.{stream}.intake",
    "CONSUMER.CREATE.{stream}.intake",
    "CONSUMER.DURABLE.CREATE.{stream}.intake",
    "CONSUMER.PAUSE.{stream}.intake",
)
MAY_MAKE_DURABLES: Final = (f"CONSUMER.DURABLE.CREATE.{subjects.JOBS}.", f"CONSUMER.DELETE.{subjects.JOBS}.")
MAY_DELETE_KEYS: Final = f"STREAM.MSG.DELETE.{subjects.SUBJECT_KEYS}"
FOREIGN: Final = {
    "facts": ("evt.job.j-1", {Role.COORDINATOR}),
    "jobs": ("host.AISLAND.jobs", {Role.COORDINATOR}),
    "claims": ("host.AISLAND.status", set[Role]()),
    "registrations": ("coordinator.hosts.register.AISLAND", set[Role]()),
    "artifacts": (f"artifact.{64 * 'a'}.0", {Role.API}),
    "keys of personal texts": ("subject_key.a-1", {Role.COORDINATOR, Role.ERASER}),
    "accounts": ("$SYS.REQ.CLAIMS.UPDATE", {Role.REGISTRAR}),
    "kicks": ("$SYS.REQ.SERVER.NSERVER.KICK", {Role.REGISTRAR}),
    "shutdown": ("$SYS.REQ.SERVER.NSERVER.RELOAD", set[Role]()),
}


@asynccontextmanager
async def watched(fabric: Fabric, role: Role) -> AsyncIterator[tuple[Client, list[str]]]:
    """A connection of that role, and the subjects the server refused to it."""
    refused: list[str] = []

    async def hear(complaint: Exception) -> None:
        refused.append(str(complaint).split('"')[1])

    access = fabric.access(role)
    client = await nats.connect(access.url, **(options_of(access, "test") | {"error_cb": hear}))
    try:
        yield client, refused
    finally:
        await client.close()


async def attempted(client: Client, wanted: list[str]) -> None:
    for subject in wanted:
        await client.publish(subject, b"{}")
    await settle(client)


@pytest.mark.parametrize("role", AT_RUN_TIME)
async def test_no_stream_is_changed_at_run_time(fabric: Fabric, nats_client: Client, role: Role) -> None:
    await create_streams(nats_client)
    before = {info.config.name: info.config for info in await nats_client.jetstream().streams_info()}
    calls = [change.format(stream=stream.name) for stream in STREAMS for change in CHANGES]
    if role is Role.ERASER:
        calls = [call for call in calls if call != MAY_DELETE_KEYS]
    if role is Role.REGISTRAR_CORE:
        calls = [call for call in calls if not call.startswith(MAY_MAKE_DURABLES)]
    wanted = [f"$JS.API.{call}" for call in calls]
    async with watched(fabric, role) as (client, refused):
        await attempted(client, wanted)
        assert refused == [subject.lower() for subject in wanted]
    after = {info.config.name: info.config for info in await nats_client.jetstream().streams_info()}
    assert after == before


@pytest.mark.parametrize("role", AT_RUN_TIME)
async def test_each_says_only_what_is_its_own(fabric: Fabric, role: Role) -> None:
    wanted = [subject for subject, allowed in FOREIGN.values() if role not in allowed]
    async with watched(fabric, role) as (client, refused):
        await attempted(client, wanted)
        assert refused == [subject.lower() for subject in wanted]


@pytest.mark.parametrize("role", AT_RUN_TIME)
async def test_nobody_listens_to_facts_claims_or_the_answers_of_others(fabric: Fabric, role: Role) -> None:
    others = [subjects.inbox_prefix(other) for other in Role if other is not role]
    wanted = [">", "evt.>", "host.*.status", "host.*.jobs", "_INBOX.>", *(f"{inbox}.>" for inbox in others)]
    async with watched(fabric, role) as (client, refused):
        for subject in wanted:
            await client.subscribe(subject)
        await settle(client)
        assert refused == [subject.lower() for subject in wanted]
