"""The door on a real server: who comes in with a user name and a password, and who does not."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
from nats.aio.client import Client

from adapters.nats.accounts.door_keys import Caller, DoorKeys
from adapters.nats.accounts.jwt import read
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import Role
from registrar.door import Door
from registrar.island_books import IslandBooks
from registrar.island_facts import IslandFacts
from registrar.main import Registrar
from tests.fabric import Fabric
from tests.registrar.conftest import NewStory
from tests.registrar.stories import OWNER, Story, is_let_in, may_report, until

HOST = "5b1f0c9e-0000-4000-8000-00000000000"
CALLER = Caller(server_id="N1", user_key=NKey.new(Kind.USER).public, user="nobody", password="x")


class CountingDoor(Door):
    """Counts the questions it has answered."""

    asked = 0

    def answer(self, caller: Caller) -> str:
        self.asked += 1
        return super().answer(caller)


def door_of(fabric: Fabric) -> CountingDoor:
    keys = DoorKeys.of_door(fabric.deployment.door)
    return CountingDoor(IslandBooks(), keys=keys, now_s=lambda: int(time.time()))


@asynccontextmanager
async def door_on(fabric: Fabric) -> AsyncIterator[CountingDoor]:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(fabric.connected(Role.DOOR))
        core = await stack.enter_async_context(fabric.connected(Role.DOOR_CORE))
        door = door_of(fabric)
        keeping = asyncio.create_task(door.keep(client, IslandFacts(core, door.books)))
        try:
            await until(lambda: client.is_connected and len(client._subs) > 0)
            await client.flush()
            yield door
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])


@pytest.fixture
async def door(log: Client, fabric: Fabric) -> AsyncIterator[CountingDoor]:
    async with door_on(fabric) as opened:
        yield opened


@pytest.fixture
async def known(registrar: Registrar, door: CountingDoor, new_story: NewStory, api: Client) -> list[Story]:
    """Two islands with a password, known to the server and at the door."""
    stories = [new_story(local_id=f"{HOST}{n}") for n in (1, 2)]
    for story in stories:
        await story.tell(story.enrolled(owner_id=OWNER))
    await at_the_door(door, stories[-1])
    for story in stories:
        await story.until_answered(api)
    return stories


async def at_the_door(door: CountingDoor, story: Story) -> None:
    await until(lambda: door.books.position >= story.position)


async def test_user_and_password_open_the_islands_own_account(known: list[Story], log: Client) -> None:
    own, other = known
    async with own.connected() as island:
        beat = await island.request(f"host.{own.local_id}.heartbeat", b"{}", timeout=2)
        assert json.loads(beat.data)["stream"] == "HEARTBEATS"
        kept = await log.jetstream().get_last_msg("HEARTBEATS", f"host.{own.island_id}.heartbeat")
        assert kept.data == b"{}", "stored under the account's id, not under the local name"
        jobs = await island.subscribe(f"host.{own.local_id}.jobs")
        await island.flush()
        await log.jetstream().publish(f"host.{other.island_id}.jobs", b"another's")
        await log.jetstream().publish(f"host.{own.island_id}.jobs", b"its own")
        assert (await jobs.next_msg(timeout=2)).data == b"its own"


async def test_nobody_else_is_let_in(known: list[Story]) -> None:
    own, other = known
    refused = [
        is_let_in(own, user=own.local_id, password="wrong"),
        is_let_in(own, user="nobody", password=own.password),
        is_let_in(own, user=other.local_id, password=own.password),
        is_let_in(own, user=own.island_id, password=own.password),
        is_let_in(own, user="", password=""),
    ]
    assert not any(await asyncio.gather(*refused))


async def test_an_island_with_a_password_says_no_more_than_others(known: list[Story]) -> None:
    own, other = known
    complaints: list[str] = []

    async def hear(error: Exception) -> None:
        complaints.append(str(error))

    forbidden = ["evt.job.1", f"host.{other.local_id}.status", f"host.{other.island_id}.status"]
    async with own.connected(error_cb=hear) as island:
        assert await may_report(island, str(own.local_id))
        for subject in [*forbidden, f"host.{own.local_id}.jobs"]:
            await island.publish(subject, b"{}")
        await island.flush()
        await until(lambda: len(complaints) == 4)
    assert all("permissions violation" in one.lower() for one in complaints)


@pytest.mark.parametrize("how", ["suspended", "revoked", "removed"])
async def test_a_barred_island_is_dropped_and_not_let_in_again(
    how: str, known: list[Story], door: CountingDoor
) -> None:
    own = known[0]
    async with own.connected() as island:
        await own.tell(getattr(own, how)())
        await until(lambda: not island.is_connected)
    await at_the_door(door, own)
    assert not await is_let_in(own)


async def test_islands_with_a_document_do_not_need_the_door(
    registrar: Registrar, fabric: Fabric, api: Client, new_story: NewStory
) -> None:
    modern, old = new_story(), new_story(local_id=f"{HOST}3")
    await modern.tell(modern.enrolled(owner_id=OWNER))
    await old.tell(old.enrolled(owner_id=OWNER))
    for story in (modern, old):
        await story.until_answered(api)
    user_jwt = str((await modern.documents(api))["user_jwt"])
    async with AsyncExitStack() as inside:
        async with door_on(fabric) as door:
            await inside.enter_async_context(modern.connected(user_jwt))
            client = await inside.enter_async_context(old.connected())
            assert door.asked == 1, "for the one without a document"
        await client.flush()
    without = tuple(await asyncio.gather(is_let_in(old), is_let_in(modern, user_jwt)))
    assert without == (False, True), "with no door nobody opens"


async def test_two_doors_share_the_questions(known: list[Story], door: CountingDoor, fabric: Fabric) -> None:
    own = known[0]
    async with door_on(fabric) as second:
        for _ in range(20):
            assert await is_let_in(own)
        assert (door.asked > 0, second.asked > 0, door.asked + second.asked) == (True, True, 20)


def test_an_unknown_user_and_a_wrong_password_are_told_alike(fabric: Fabric) -> None:
    told = read(door_of(fabric).answer(CALLER))
    assert told["nats"]["error"] == "wrong user or password"
    assert "jwt" not in told["nats"]
    assert (told["sub"], told["aud"]) == (CALLER.user_key, CALLER.server_id)


def test_a_password_that_is_no_text_is_refused(fabric: Fabric) -> None:
    broken = replace(CALLER, password="\ud800")
    assert "error" in read(door_of(fabric).answer(broken))["nats"]
