"""Islands that are pending, suspended, removed or revoked try what only a paired one may, and try to get back in."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from nats.aio.client import Client

from adapters.nats import subjects
from tests.adversary.entrance import at_another_address, is_let_in
from tests.adversary.members import NOBODY, Member, answer_of, seen
from tests.adversary.network import IN_ONE_LAYOUT
from tests.adversary.scene import Scene
from tests.api.newcomers import Newcomer
from tests.fabric import settle

pytestmark = [pytest.mark.asyncio(loop_scope="module"), IN_ONE_LAYOUT]

REASON: Final = {"reason": "it looks odd"}
FOR_PAIRED_ISLANDS: Final = (
    "host.{id}.status",
    "host.{id}.lease",
    "host.{id}.output",
    "host.{id}.progress",
    "host.{id}.image",
    "$JS.core.API.CONSUMER.MSG.NEXT.JOBS.host-{id}",
    "$JS.core.API.CONSUMER.INFO.JOBS.host-{id}",
)
Bar = Callable[[Scene, Member], Awaitable[None]]


async def suspend(scene: Scene, member: Member) -> None:
    (await scene.http.post(f"/hosts/{member.island_id}/suspend", json=REASON)).raise_for_status()


async def revoke(scene: Scene, member: Member) -> None:
    (await scene.http.post(f"/hosts/{member.island_id}/revoke", json=REASON)).raise_for_status()


async def remove(scene: Scene, member: Member) -> None:
    (await scene.mallory.delete(f"/hosts/{member.island_id}")).raise_for_status()


def keys_of(member: Member) -> Newcomer:
    return Newcomer(account=member.joined.account, user=member.joined.user)


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """An island that may not work, as its user and as one without permissions."""

    member: Member
    user: Client
    free: Client


async def pending(scene: Scene) -> Member:
    async with at_another_address(scene) as http:
        return await scene.member(http)


async def suspended(scene: Scene) -> Member:
    """It was cut off when that happened, and comes back."""
    member = await scene.member()
    await member.connect()
    await suspend(scene, member)
    await member.ended.wait()
    return member


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[pending, suspended], ids=["pending", "suspended"]
)
async def idle(scene: Scene, request: pytest.FixtureRequest) -> AsyncIterator[Idle]:
    member = await request.param(scene)
    user, free = await member.connect(), await member.connect_freely(scene.fabric)
    yield Idle(member=member, user=user, free=free)
    await member.close()


@pytest.mark.parametrize("template", FOR_PAIRED_ISLANDS)
async def test_an_island_that_may_not_work_is_heard_by_nobody(
    scene: Scene, idle: Idle, template: str
) -> None:
    async with scene.nothing_changes():
        for client in (idle.user, idle.free):
            assert await answer_of(client, template.format(id=idle.member.island_id)) == NOBODY


@pytest.mark.parametrize("kind", ["cancel", "preload", "probe", "jobs"])
async def test_nothing_is_said_to_an_island_that_may_not_work(scene: Scene, idle: Idle, kind: str) -> None:
    subject, free = f"host.{idle.member.island_id}.{kind}", idle.free
    ear = await free.subscribe(subject)
    await settle(free)
    await scene.operator.publish(subject, b"{}")
    await settle(scene.operator)
    await scene.victim.works()
    await settle(free)
    assert ear.pending_msgs == 0
    await ear.unsubscribe()
    await scene.operator.jetstream().purge_stream(subjects.JOBS, subject=subject)


async def test_it_may_say_that_it_is_there(scene: Scene, idle: Idle) -> None:
    """Its heartbeat is kept, and is no fact."""
    member, user = idle.member, idle.user
    beat = subjects.heartbeat(member.island_id)
    said = {
        "host_id": member.island_id,
        "agent_version": "1",
        "status": "offline",
        "active_jobs": 0,
        "timestamp": 1,
    }
    body = json.dumps(said | {"asking_prices": {"_default": "1"}}).encode()
    async with scene.nothing_changes(beat):
        receipt = await user.request(beat, body, headers=member.sealed(beat, body), timeout=5)
        assert "error" not in json.loads(receipt.data)
        assert await answer_of(user, subjects.ping(member.island_id)) == b"pong"


async def test_a_suspended_island_gets_no_pairing_code(scene: Scene) -> None:
    member = await suspended(scene)
    async with scene.nothing_changes():
        assert json.loads(await answer_of(await member.connect(), subjects.PAIRING))["error"] == "suspended"


async def test_a_suspension_is_not_shaken_off_by_leaving(scene: Scene) -> None:
    member = await scene.member()
    await suspend(scene, member)
    await remove(scene, member)
    async with at_another_address(scene) as http, scene.nothing_changes():
        for joined in (scene.mallory, http):
            answer = await keys_of(member).enrol(joined)
            assert answer.status_code == 403, answer.text
    assert not await is_let_in(scene.fabric.url, (member.joined.jwt, member.joined.user))


async def test_an_owner_does_not_end_the_suspension(scene: Scene) -> None:
    member = await scene.member()
    await suspend(scene, member)
    async with scene.nothing_changes():
        answer = await scene.mallory.post(f"/hosts/{member.island_id}/reinstate")
        assert answer.status_code == 403
        again = await keys_of(member).enrol(scene.mallory)
        assert again.status_code != 500
    client = await member.connect()
    assert await answer_of(client, subjects.status(member.island_id)) == NOBODY


@pytest.mark.parametrize("bar", [remove, revoke])
@pytest.mark.parametrize("is_free", [False, True], ids=["as its user", "without permissions"])
async def test_a_barred_island_is_cut_off_and_not_let_in_again(scene: Scene, bar: Bar, is_free: bool) -> None:
    member = await scene.member()
    await (member.connect_freely(scene.fabric) if is_free else member.connect())
    await bar(scene, member)
    await member.ended.wait()
    async with scene.nothing_changes():
        assert not await is_let_in(scene.fabric.url, (member.joined.jwt, member.joined.user))


async def refused(answer: Awaitable[httpx.Response]) -> tuple[int, str]:
    found = await answer
    assert "user_jwt" not in found.text
    error: dict[str, Any] = found.json()["error"]
    return found.status_code, str(error["code"])


async def test_a_removed_island_renews_nothing_and_begins_anew(scene: Scene) -> None:
    member = await scene.member()
    await remove(scene, member)
    async with scene.nothing_changes():
        assert await refused(keys_of(member).renew(scene.nobody)) == (410, "island_removed")
    async with at_another_address(scene) as http:
        assert (await keys_of(member).enrol(http)).json()["status"] == "pending"
    if await knows(scene, member):
        client = await member.connect()
        assert await answer_of(client, subjects.status(member.island_id)) == NOBODY


async def knows(scene: Scene, member: Member) -> bool:
    return await is_let_in(scene.fabric.url, (member.joined.jwt, member.joined.user))


async def test_a_revoked_key_counts_never_again(scene: Scene) -> None:
    member = await scene.member()
    await revoke(scene, member)
    async with at_another_address(scene) as http, scene.nothing_changes():
        assert await refused(keys_of(member).renew(http)) == (403, "key_revoked")
        for joined in (http, scene.mallory):
            assert await refused(keys_of(member).enrol(joined)) == (403, "key_revoked")


async def test_a_revoked_island_with_a_new_key_waits_for_its_owner(scene: Scene) -> None:
    """Nobody else may vouch for it, and the old document stays worthless."""
    member = await scene.member()
    await revoke(scene, member)
    renewed, stranger = keys_of(member).with_new_user_key(), await scene.person("stranger")
    async with at_another_address(scene) as http:
        assert (await renewed.enrol(http)).json()["status"] == "pending"
    assert (await renewed.enrol(stranger)).status_code == 409
    async with scene.nothing_changes():
        assert not await is_let_in(scene.fabric.url, (member.joined.jwt, member.joined.user))
    assert (await renewed.enrol(scene.mallory)).json()["status"] == "paired"


async def test_a_key_that_was_replaced_opens_nothing(scene: Scene) -> None:
    member = await scene.member()
    await member.connect()
    assert (await keys_of(member).with_new_user_key().enrol(scene.mallory)).status_code == 201
    await member.ended.wait()

    async def is_shut_out() -> bool:
        return not await knows(scene, member)

    await seen(is_shut_out, "the old key is worth nothing")
    async with scene.nothing_changes():
        assert await refused(keys_of(member).renew(scene.nobody)) == (403, "key_revoked")
