"""A hostile island takes more than its share of the server, or speaks to it in another tongue."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import httpx
import pytest
import pytest_asyncio

from adapters.nats import subjects
from adapters.nats.accounts.layout import (
    CONNECTIONS_MAX,
    PAYLOAD_BYTES_MAX,
    SUBSCRIPTIONS_MAX,
    USER_SUBSCRIPTIONS_MAX,
)
from tests.adversary.entrance import is_let_in
from tests.adversary.members import Member, answer_of, as_anything_goes
from tests.adversary.network import IN_ONE_LAYOUT
from tests.adversary.raw_connection import RawConnection
from tests.adversary.scene import Scene

pytestmark = [pytest.mark.asyncio(loop_scope="module"), IN_ONE_LAYOUT]

CONTROL_LINE_MAX: Final = 4 * 1024
"""As the server is configured (`adapters.embedded.nats_server`)."""


@pytest_asyncio.fixture(loop_scope="module")
async def member(scene: Scene) -> AsyncIterator[Member]:
    """An island of its own for each test: the server may hang up on it."""
    member = await scene.member()
    yield member
    await member.close()


@pytest_asyncio.fixture(loop_scope="module")
async def raw(member: Member) -> AsyncIterator[RawConnection]:
    connection = await RawConnection.open(member.joined)
    yield connection
    await connection.close()


@pytest.mark.parametrize("is_free", [False, True], ids=["as its user", "without permissions"])
async def test_one_connection_too_many_is_refused(scene: Scene, member: Member, is_free: bool) -> None:
    options = as_anything_goes(member.joined, scene.fabric) if is_free else {}
    held = [await member.connect(**options) for _ in range(CONNECTIONS_MAX)]
    async with scene.nothing_changes():
        assert not await is_let_in(scene.fabric.url, (member.joined.jwt, member.joined.user))
    assert all(client.is_connected for client in held)


async def test_one_subscription_too_many_of_a_user_is_refused(
    scene: Scene, member: Member, raw: RawConnection
) -> None:
    own = subjects.cancel(member.island_id).encode()
    async with scene.nothing_changes():
        for number in range(USER_SUBSCRIPTIONS_MAX):
            raw.say(b"SUB %s %d\r\n" % (own, number))
        assert await raw.until_pong() == []
        raw.say(b"SUB %s last\r\n" % own)
        refused = await raw.until_pong()
        assert b"maximum subscriptions exceeded" in b"".join(refused).lower(), refused


async def test_one_subscription_too_many_of_an_account_is_refused(scene: Scene, member: Member) -> None:
    """Also where no document bounds its user. The library hangs up when it is told so."""
    free = await member.connect_freely(scene.fabric)
    async with scene.nothing_changes():
        for number in range(SUBSCRIPTIONS_MAX + 1):
            await free.subscribe(f"own.{number}")
        async with asyncio.timeout(5):
            await member.ended.wait()


@pytest.mark.parametrize("kind", ["status", "heartbeat", "output", "image", "ping"])
@pytest.mark.parametrize("is_free", [False, True], ids=["as its user", "without permissions"])
async def test_a_message_too_large_ends_the_connection(
    scene: Scene, member: Member, is_free: bool, kind: str
) -> None:
    client = await (member.connect_freely(scene.fabric) if is_free else member.connect())
    async with scene.nothing_changes():
        await client.publish(f"host.{member.island_id}.{kind}", (PAYLOAD_BYTES_MAX + 1) * b"x")
        await client._flush_pending()
        async with asyncio.timeout(5):
            await member.ended.wait()


async def test_the_largest_message_is_taken(scene: Scene, member: Member) -> None:
    client = await member.connect()
    subject = subjects.output(member.island_id)
    async with scene.nothing_changes(subject):
        assert b"JOB_OUTPUT" in await answer_of(client, subject, PAYLOAD_BYTES_MAX * b"x")


OTHER_TONGUES: Final = {
    "a route's subscription": b"RS+ $G evt.>\r\n",
    "a route's message": b"RMSG {core} evt.job.forged 2\r\n{{}}\r\n",
    "a route's message with headers": b"HMSG {core} evt.job.forged 12 14\r\nNATS/1.0\r\n\r\n{{}}\r\n",
    "a route's account": b"A+ {core}\r\n",
    "a leaf's subscription": b"LS+ evt.>\r\n",
    "a leaf's message": b"LMSG evt.job.forged 2\r\n{{}}\r\n",
    "a gateway's word": b"GS+ {core} evt.>\r\n",
    "the server's own message": b"MSG evt.job.forged 1 2\r\n{{}}\r\n",
    "a web server's": b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
    "MQTT": b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00\r\n",
    "nothing known": b"PURGE EVT\r\n",
    "a size below nothing": b"PUB evt.job.forged -1\r\n\r\n",
    "a size without end": b"PUB evt.job.forged 99999999999999999999\r\n\r\n",
    "headers larger than the whole": b"HPUB evt.job.forged 50 5\r\nabcde\r\n",
    "a line without end": b"PUB " + (CONTROL_LINE_MAX + 1) * b"x" + b" 1\r\nx\r\n",
    "a subscription without end": b"SUB " + CONTROL_LINE_MAX * b"x." + b" 1\r\n",
    "two messages in one": b"PUB host.{me}.ping 2\r\nxxPUB evt.job.forged 2\r\n{{}}\r\n",
}


@pytest.mark.parametrize("said", OTHER_TONGUES.values(), ids=OTHER_TONGUES)
async def test_another_tongue_ends_the_connection(
    scene: Scene, member: Member, raw: RawConnection, said: bytes
) -> None:
    line = said.replace(b"{core}", scene.core.encode()).replace(b"{me}", member.island_id.encode())
    async with scene.nothing_changes():
        raw.say(line.replace(b"{{}}", b"{}"))
        heard = await raw.until_pong()
        assert heard[-1] == b"", heard


@pytest.mark.parametrize(
    "more",
    [
        {"account": "{core}"},
        {"account": "{victim}", "new_account": True},
        {"remote_account": "{core}"},
        {"import": {"permissions": {"allow": [">"]}}, "export": {"allow": [">"]}},
        {"no_responders": True, "echo": True, "pedantic": False, "user": "coordinator", "pass": "x"},
        {"nkey": "{victim}"},
        {"jwt": "{victims_jwt}"},
    ],
    ids=",".join,
)
async def test_a_second_greeting_makes_nobody_of_it(
    scene: Scene, member: Member, raw: RawConnection, more: dict[str, object]
) -> None:
    """What it says then is still said in its own account, with its own permissions, or not at all."""

    def filled_in(value: object) -> object:
        if not isinstance(value, str):
            return value
        if value == "{victims_jwt}":
            return scene.victim.joined.jwt
        return value.replace("{core}", scene.core).replace("{victim}", scene.victim.island_id)

    async with scene.nothing_changes():
        raw.say(raw.hello(member.joined, **{name: filled_in(value) for name, value in more.items()}))
        raw.say(b"SUB evt.> 1\r\n")
        for subject in ("evt.job.forged", f"host.{scene.victim.island_id}.status"):
            raw.say(b"PUB %s 2\r\n{}\r\n" % subject.encode())
        heard = await raw.until_pong()
        assert sum(b"Permissions Violation" in line for line in heard) == 3 or heard[-1] == b"", heard


@pytest.mark.parametrize("path", ["/", "/varz", "/connz?auth=1", "/jsz", "/accountz", "/subsz"])
async def test_the_server_tells_nothing_of_itself_to_a_browser(scene: Scene, path: str) -> None:
    where = scene.fabric.url.replace("nats://", "http://")
    async with scene.nothing_changes(), httpx.AsyncClient(base_url=where, timeout=5) as browser:
        with pytest.raises(httpx.HTTPError):
            await browser.get(path)
