"""A hostile client at the door for islands that know only a password, and such an island once it is in."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import pytest
import pytest_asyncio
from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.connection import options
from tests.adversary.entrance import is_let_in
from tests.adversary.members import NOBODY, answer_of, seen
from tests.adversary.network import IN_ONE_LAYOUT
from tests.adversary.scene import Scene
from tests.fabric import settle

pytestmark = [pytest.mark.asyncio(loop_scope="module"), IN_ONE_LAYOUT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What an owner got for an island without keys."""

    island_id: str
    user: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guests:
    """Two islands with a password: the attacker's, which is in, and one of somebody else."""

    own: Ticket
    other: Ticket
    client: Client
    complaints: list[str]

    async def is_denied(self, subject: str) -> bool:
        self.complaints.clear()
        await self.client.publish(subject, b"{}")
        await settle(self.client)
        return any("permissions violation" in one.lower() for one in self.complaints)


async def ticket(scene: Scene, http: Any) -> Ticket:
    told = (await http.post("/hosts/tickets", json={"name": "Old"})).raise_for_status().json()
    found = Ticket(island_id=told["island_id"], user=told["user"], password=told["password"])

    async def is_known() -> bool:
        return await is_let_in(scene.fabric.url, None, user=found.user, password=found.password)

    await seen(is_known, "the door knows it")
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guests(scene: Scene) -> AsyncIterator[Guests]:
    own, other = await ticket(scene, scene.mallory), await ticket(scene, scene.http)
    complaints: list[str] = []

    async def complain(error: Exception) -> None:
        complaints.append(str(error))

    client = Client()
    who = {"user": own.user, "password": own.password, "error_cb": complain, "allow_reconnect": False}
    await client.connect(scene.fabric.url, **options("old island") | who)
    yield Guests(own=own, other=other, client=client, complaints=complaints)
    await client.close()


WRONG: Final = {
    "no password": ("{own}", ""),
    "a wrong password": ("{own}", "wrong"),
    "half a password": ("{own}", "{half}"),
    "a password and more": ("{own}", "{password}x"),
    "another's name": ("{other}", "{password}"),
    "its own id": ("{own_id}", "{password}"),
    "the victim's id": ("{victim}", "{password}"),
    "an empty name": ("", "{password}"),
    "a name with a blank": ("{own} ", "{password}"),
    "a name in capitals": ("{OWN}", "{password}"),
    "a name of wildcards": ("*", "{password}"),
    "every name": (">", "{password}"),
    "a name with a dot": ("{own}.status", "{password}"),
    "a name with a zero": ("{own}\0", "{password}"),
    "a name of two lines": ("{own}\r\nx", "{password}"),
    "a name that closes the JSON": ('{own}","pass":"x', "{password}"),
    "a name of a query": ("' or ''='", "{password}"),
    "a name of a template": ("{{{{.Name}}}}", "{password}"),
    "a component's name": ("coordinator", "{password}"),
    "an endless name": (1_500 * "x", "{password}"),
    "a password that is a hash": ("{own}", "{sha256}"),
    "a password of control characters": ("{own}", "\x1b[2J"),
    "half a character": ("{own}", "\ud800"),
}


@pytest.mark.parametrize(("user", "password"), WRONG.values(), ids=WRONG)
async def test_the_door_stays_shut(scene: Scene, guests: Guests, user: str, password: str) -> None:
    own = guests.own
    known = {
        "own": own.user,
        "OWN": own.user.upper(),
        "other": guests.other.user,
        "own_id": own.island_id,
        "victim": scene.victim.island_id,
        "password": own.password,
        "half": own.password[:16],
        "sha256": sha256(own.password.encode()).hexdigest(),
    }
    who = {"user": user.format(**known), "password": password.format(**known)}
    async with scene.nothing_changes():
        assert not await is_let_in(scene.fabric.url, None, **who)


async def test_a_hundred_guesses_keep_nobody_else_out(scene: Scene, guests: Guests) -> None:
    async with scene.nothing_changes():
        guesses = [
            is_let_in(scene.fabric.url, None, user=guests.other.user, password=f"guess-{number}")
            for number in range(100)
        ]
        let_in = await asyncio.gather(
            *guesses,
            is_let_in(scene.fabric.url, None, user=guests.other.user, password=guests.other.password),
        )
        assert let_in == [False] * 100 + [True]


@pytest.mark.parametrize(
    "template",
    [
        "evt.job.forged",
        "host.{other}.status",
        "host.{other_id}.status",
        "host.{victim}.status",
        "host.{own_id}.status",
        "host.{own}.jobs",
        "coordinator.hosts.register.{other_id}",
        "$JS.API.STREAM.PURGE.JOBS",
        "$JS.core.API.STREAM.INFO.JOBS",
        "$JS.core.API.CONSUMER.MSG.NEXT.JOBS.host-{other_id}",
        "$SYS.REQ.USER.AUTH",
        "registrar.documents.{other_id}",
    ],
)
async def test_an_island_with_a_password_says_no_more_than_others(
    scene: Scene, guests: Guests, template: str
) -> None:
    subject = template.format(
        own=guests.own.user,
        own_id=guests.own.island_id,
        other=guests.other.user,
        other_id=guests.other.island_id,
        victim=scene.victim.island_id,
    )
    async with scene.nothing_changes():
        assert await guests.is_denied(subject)


async def test_it_hears_only_its_own_jobs(scene: Scene, guests: Guests) -> None:
    ear = await guests.client.subscribe("_INBOX.>")
    denied = await guests.client.subscribe(subjects.jobs(scene.victim.island_id))
    await settle(guests.client)
    async with scene.nothing_changes():
        pass
    await settle(guests.client)
    assert (ear.pending_msgs, denied.pending_msgs) == (0, 0)
    await ear.unsubscribe()


async def rejected_with(scene: Scene, guests: Guests, place: dict[str, Any]) -> str:
    codes: list[str] = []

    async def is_shown() -> bool:
        answer = await scene.mallory.get(f"/hosts/{guests.own.island_id}/rejected-claims")
        codes.extend(
            claim["code"]
            for claim in answer.json()["rejected_claims"]
            if (claim["claim_stream"], claim["claim_position"]) == (place["stream"], place["seq"])
        )
        return bool(codes)

    await seen(is_shown, "the claim is rejected")
    return codes[0]


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        ({"job_id": "{job}", "state": "started", "timestamp": 1}, {}, "not_owner"),
        ({"job_id": "{job}", "state": "succeeded", "timestamp": 1}, {}, "not_owner"),
        ({"job_id": "{job}", "state": "started", "timestamp": 1}, {"Claim": "e30"}, "bad_signature"),
        ({"job_id": "{job}", "state": 70_000 * "x", "timestamp": 1}, {}, "too_large"),
    ],
    ids=["the victim's job", "its success", "a seal without a key", "too large a claim"],
)
async def test_it_claims_no_more_than_others(
    scene: Scene, guests: Guests, body: dict[str, Any], headers: dict[str, str], code: str
) -> None:
    own = guests.own
    said = json.dumps(body).replace("{job}", scene.victim.job_id).encode()
    async with scene.nothing_changes(
        f"host.{own.island_id}.status",
        *(subjects.rejected_claim(own.island_id, place) for place in (code, scene.victim.job_id)),
    ):
        receipt = await answer_of(guests.client, f"host.{own.user}.status", said, headers=headers or None)
        assert await rejected_with(scene, guests, json.loads(receipt)) == code


async def test_a_message_without_bounds_is_refused(scene: Scene, guests: Guests) -> None:
    """It may send a whole image in one message; a claim of that size is not stored."""
    async with scene.nothing_changes():
        for kind in ("status", "heartbeat", "lease"):
            receipt = await answer_of(guests.client, f"host.{guests.own.user}.{kind}", (1 << 20) * b"x")
            assert receipt != NOBODY
            assert "error" in json.loads(receipt), receipt
