"""A hostile island connects with documents that it should not have, or makes some itself."""

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
import pytest_asyncio
from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.accounts.door_keys import DoorKeys
from adapters.nats.accounts.island_keys import island_signing_key
from adapters.nats.accounts.jwt import Claims, encode64, mint, read
from adapters.nats.accounts.layout import IslandAccount, activation, island_imports, island_user_claims
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import PERMISSIONS, Home, Role
from tests.adversary.entrance import Paper, is_let_in
from tests.adversary.members import NOBODY, Member, answer_of, seen
from tests.adversary.network import IN_ONE_LAYOUT
from tests.adversary.scene import Scene
from tests.fabric import EXPIRES_AT_S, ISSUED_AT_S, JoinedIsland, settle

pytestmark = [pytest.mark.asyncio(loop_scope="module"), IN_ONE_LAYOUT]

EVERYTHING: Final[Claims] = {"pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1}
STRANGER: Final = NKey.new(Kind.ACCOUNT)
INTRUDER: Final = NKey.new(Kind.USER)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def thief(scene: Scene) -> Member:
    """An island that holds no connection, so that none is refused for being one too many."""
    return await scene.member()


def user_of(account: str, signer: NKey, *, expires_at_s: int = EXPIRES_AT_S, **claims: Any) -> Paper:
    """A user of that account, made by whoever that is."""
    nats_claims = EVERYTHING | {"issuer_account": account} | claims
    jwt = mint(
        signer, INTRUDER.public, "user", nats_claims, issued_at_s=ISSUED_AT_S, expires_at_s=expires_at_s
    )
    return jwt, INTRUDER


def signing_key(scene: Scene, island_id: str) -> NKey:
    return island_signing_key(scene.fabric.keys.islands_master, island_id)


def rewritten(document: str, header: dict[str, str], signature: str | None = None, **claims: Any) -> str:
    """The same document with another header or other claims under the old signature."""
    _, payload, old = document.split(".")
    body = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    body["nats"] |= claims
    return ".".join(
        [
            encode64(json.dumps(header).encode()),
            encode64(json.dumps(body).encode()),
            old if signature is None else signature,
        ]
    )


def of_role(role: Role) -> Callable[[Scene, Member], Paper]:
    """What one of our own components has, but made by the thief."""

    def made(scene: Scene, thief: Member) -> Paper:
        home = scene.fabric.deployment.account(PERMISSIONS[role].home)
        return user_of(home, thief.joined.account)

    return made


def expired(scene: Scene, thief: Member) -> Paper:
    island = IslandAccount(island_id=thief.island_id, user_key=thief.joined.user.public, is_paired=True)
    now_s = int(time.time())
    jwt = scene.fabric.keys.user_jwt(island, issued_at_s=now_s - 100, expires_at_s=now_s - 1)
    return jwt, thief.joined.user


def bearer(scene: Scene, thief: Member) -> Paper:
    """Its own claims, as a document that asks for no signature of the nonce, signed with what an island has."""
    island = IslandAccount(island_id=thief.island_id, user_key=INTRUDER.public, is_paired=True)
    claims = island_user_claims(island) | {"bearer_token": True}
    return mint(thief.joined.account, INTRUDER.public, "user", claims, issued_at_s=ISSUED_AT_S), INTRUDER


NKEY_HEADER: Final = {"typ": "JWT", "alg": "ed25519-nkey"}
PAPERS: Final[dict[str, Callable[[Scene, Member], Paper]]] = {
    "expired": expired,
    "the victim's, with its own key": lambda scene, thief: (scene.victim.joined.jwt, thief.joined.user),
    "the victim's, with its account key": lambda scene, thief: (
        scene.victim.joined.jwt,
        thief.joined.account,
    ),
    "its own, with another's key": lambda _, thief: (thief.joined.jwt, INTRUDER),
    "signed by its own account": lambda _, thief: user_of(thief.island_id, thief.joined.account),
    "signed by a stranger": lambda _, thief: user_of(thief.island_id, STRANGER),
    "of the victim, signed by its own account": lambda scene, thief: user_of(
        scene.victim.island_id, thief.joined.account
    ),
    "of the victim, signed for its own account": lambda scene, thief: user_of(
        scene.victim.island_id, signing_key(scene, thief.island_id)
    ),
    "of itself, signed for the victim's account": lambda scene, thief: user_of(
        thief.island_id, signing_key(scene, scene.victim.island_id)
    ),
    "of itself, signed by the door": lambda scene, thief: user_of(
        thief.island_id, DoorKeys.of_door(scene.fabric.deployment.door).signing
    ),
    "of itself, signed for a password": lambda scene, thief: user_of(
        thief.island_id, island_signing_key(scene.fabric.keys.password_islands_master, thief.island_id)
    ),
    "of an account of its own making": lambda _, _thief: user_of(STRANGER.public, STRANGER),
    "of no account": lambda _, thief: user_of("", thief.joined.account),
    "a bearer's": bearer,
    "of the account for activations": lambda scene, _: user_of(
        scene.fabric.deployment.account(Home.SYSTEM), scene.fabric.keys.core.signing
    ),
    "signed by nobody": lambda _, thief: (
        rewritten(thief.joined.jwt, {"typ": "JWT", "alg": "none"}, ""),
        thief.joined.user,
    ),
    "of no algorithm": lambda _, thief: (
        rewritten(thief.joined.jwt, {"typ": "JWT", "alg": "none"}),
        thief.joined.user,
    ),
    "of another algorithm": lambda _, thief: (
        rewritten(thief.joined.jwt, {"typ": "JWT", "alg": "HS256"}),
        thief.joined.user,
    ),
    "with wider permissions": lambda _, thief: (
        rewritten(thief.joined.jwt, NKEY_HEADER, pub={"allow": [">"]}, sub={"allow": [">"]}),
        thief.joined.user,
    ),
    "moved to CORE": lambda scene, thief: (
        rewritten(thief.joined.jwt, NKEY_HEADER, issuer_account=scene.fabric.deployment.account(Home.CORE)),
        thief.joined.user,
    ),
    "its account's document": lambda scene, thief: (
        scene.fabric.keys.account_jwt(IslandAccount(island_id=thief.island_id), issued_at_s=ISSUED_AT_S),
        thief.joined.account,
    ),
    "an activation token": lambda scene, thief: (
        activation(scene.fabric.keys.core, thief.joined.user.public, "evt.>", "stream"),
        thief.joined.user,
    ),
    "no document": lambda _, thief: ("", thief.joined.user),
    "half a document": lambda _, thief: (thief.joined.jwt[:100], thief.joined.user),
    "three dots": lambda _, thief: ("...", thief.joined.user),
    **{f"of the {role}": of_role(role) for role in Role},
}


async def test_its_own_document_lets_it_in(scene: Scene, thief: Member) -> None:
    assert await is_let_in(scene.fabric.url, (thief.joined.jwt, thief.joined.user))


@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
async def test_no_other_document_does(
    scene: Scene, thief: Member, paper: Callable[[Scene, Member], Paper]
) -> None:
    async with scene.nothing_changes():
        assert not await is_let_in(scene.fabric.url, paper(scene, thief))


async def test_the_document_of_those_who_have_none_opens_nothing(scene: Scene) -> None:
    """The sentinel is no secret: whoever shows it is asked for a password like everybody without a document."""
    sentinel = scene.fabric.deployment._sentinel_jwt()
    assert read(sentinel)["nats"]["bearer_token"]
    async with scene.nothing_changes():
        assert not await is_let_in(scene.fabric.url, (sentinel, INTRUDER))


@pytest.mark.parametrize(
    "options",
    [{}, {"user": "coordinator", "password": "x"}, {"token": "x"}, {"user": "", "password": ""}],
    ids=["nothing", "a password", "a token", "an empty name"],
)
async def test_nobody_is_let_in_without_a_document(scene: Scene, options: dict[str, str]) -> None:
    async with scene.nothing_changes():
        assert not await is_let_in(scene.fabric.url, None, **options)


class Account:
    """The account of an island as somebody tries to have it, over the registrar's own connection."""

    def __init__(self, scene: Scene, member: Member, system: Client) -> None:
        self.scene, self.member, self.system = scene, member, system
        self.island = IslandAccount(
            island_id=member.island_id, user_key=member.joined.user.public, is_paired=True
        )

    def claims(self, **changes: Any) -> Claims:
        honest = read(self.scene.fabric.keys.account_jwt(self.island, issued_at_s=ISSUED_AT_S))["nats"]
        claims: Claims = honest | changes
        return claims

    async def is_taken(self, signer: NKey, claims: Claims) -> bool:
        document = mint(signer, self.island.island_id, "account", claims, issued_at_s=int(time.time()))
        answer = await self.system.request("$SYS.REQ.CLAIMS.UPDATE", document.encode(), timeout=5)
        return "error" not in json.loads(answer.data)


@pytest.mark.parametrize(
    ("signer", "found"),
    [
        ("the registrar", b"pong"),
        ("its own key", NOBODY),
        ("a stranger", NOBODY),
        ("its signing key", NOBODY),
        ("the operator's identity", NOBODY),
    ],
)
async def test_an_account_counts_only_as_the_registrar_has_signed_it(
    scene: Scene, signer: str, found: bytes
) -> None:
    """Not even over the registrar's connection, which the attacker does not have."""
    member = await scene.member()
    signers = {
        "the registrar": scene.fabric.keys.operator_signing,
        "its own key": member.joined.account,
        "a stranger": STRANGER,
        "its signing key": signing_key(scene, member.island_id),
        "the operator's identity": scene.fabric.deployment.operator.pair("operator", Kind.OPERATOR),
    }
    own_ping = subjects.ping(member.island_id)
    async with scene.nothing_changes(), scene.fabric.connected(Role.REGISTRAR) as system:
        account, free = Account(scene, member, system), await member.connect_freely(scene.fabric)
        loot = plain(scene, "service", own_ping) | {"local_subject": "loot"}
        imports = [one for one in account.claims()["imports"] if one["subject"] != own_ping]
        await account.is_taken(signers[signer], account.claims(imports=[*imports, loot]))
        assert await answer_of(free, "loot") == found
    await member.close()


def plain(scene: Scene, kind: str, subject: str, home: Home = Home.CORE) -> Claims:
    account = scene.fabric.deployment.account(home)
    return {"name": subject, "subject": subject, "account": account, "type": kind}


def with_token_of(scene: Scene, importer: JoinedIsland, subject: str) -> Claims:
    token = activation(scene.fabric.keys.core, importer.island_id, subject, "service")
    return plain(scene, "service", subject) | {"token": token}


FOREIGN: Final[dict[str, Callable[[Scene, Member], Claims]]] = {
    "the victim's claims": lambda scene, _: plain(scene, "service", f"host.{scene.victim.island_id}.status"),
    "the victim's greeting": lambda scene, _: plain(
        scene, "service", f"coordinator.hosts.register.{scene.victim.island_id}"
    ),
    "everybody's claims": lambda scene, _: plain(scene, "service", "host.*.status"),
    "the victim's signals": lambda scene, _: plain(scene, "stream", f"host.{scene.victim.island_id}.cancel"),
    "the victim's jobs": lambda scene, _: plain(scene, "stream", f"host.{scene.victim.island_id}.jobs"),
    "everybody's jobs": lambda scene, _: plain(scene, "stream", "host.*.jobs"),
    "facts": lambda scene, _: plain(scene, "service", "evt.job.forged"),
    "all facts": lambda scene, _: plain(scene, "stream", "evt.>"),
    "documents": lambda scene, _: plain(scene, "service", f"registrar.documents.{scene.victim.island_id}"),
    "floods": lambda scene, _: plain(scene, "service", f"registrar.floods.{scene.victim.island_id}"),
    "its own queue without a token": lambda scene, member: plain(
        scene, "service", f"$JS.API.CONSUMER.MSG.NEXT.JOBS.host-{member.island_id}"
    ),
    "the victim's queue without a token": lambda scene, _: plain(
        scene, "service", f"$JS.API.CONSUMER.MSG.NEXT.JOBS.host-{scene.victim.island_id}"
    ),
    "the victim's queue with the victim's token": lambda scene, _: with_token_of(
        scene, scene.victim.joined, f"$JS.API.CONSUMER.MSG.NEXT.JOBS.host-{scene.victim.island_id}"
    ),
    "the victim's queue with its own token": lambda scene, member: (
        with_token_of(scene, member.joined, f"$JS.API.CONSUMER.MSG.NEXT.JOBS.host-{member.island_id}")
        | {"subject": f"$JS.API.CONSUMER.MSG.NEXT.JOBS.host-{scene.victim.island_id}"}
    ),
    "the streams": lambda scene, _: plain(scene, "service", "$JS.API.STREAM.PURGE.JOBS"),
    "all of JetStream": lambda scene, _: plain(scene, "service", "$JS.API.>"),
    "the claims of the server": lambda scene, _: plain(
        scene, "service", "$SYS.REQ.CLAIMS.UPDATE", Home.SYSTEM
    ),
    "the server's kicks": lambda scene, _: plain(scene, "service", "$SYS.REQ.SERVER.PING.KICK", Home.SYSTEM),
    "the server's events": lambda scene, _: plain(scene, "stream", "$SYS.ACCOUNT.>", Home.SYSTEM),
    "the door's questions": lambda scene, _: plain(scene, "service", "$SYS.REQ.USER.AUTH", Home.DOOR),
}


@pytest.mark.parametrize("entry", FOREIGN.values(), ids=FOREIGN)
async def test_an_import_that_is_not_the_island_s_is_not_honoured(
    scene: Scene, entry: Callable[[Scene, Member], Claims]
) -> None:
    """Should the registrar ever be tricked into writing it: the server compares account and token, and refuses."""
    member = await scene.member()
    found = entry(scene, member)
    if found["type"] == "service":
        found |= {"local_subject": "loot"}
    async with scene.fabric.connected(Role.REGISTRAR) as system:
        account = Account(scene, member, system)
        imports = [*island_imports(account.island, scene.fabric.keys.core), found]
        await account.is_taken(scene.fabric.keys.operator_signing, account.claims(imports=imports))
    free = await member.connect_freely(scene.fabric)
    ear = await free.subscribe(found["subject"])
    await settle(free)
    async with everybody_is_told(scene, member), scene.nothing_changes():
        if found["type"] == "service":
            assert await answer_of(free, "loot", b'{"batch":1,"no_wait":true}') == NOBODY
    await settle(free)
    assert ear.pending_msgs == 0
    await member.close()


@asynccontextmanager
async def everybody_is_told(scene: Scene, member: Member) -> AsyncIterator[None]:
    """The coordinator's words as they pass; `nothing_changes` adds what the victim says, and facts.

    Meanwhile a job waits in both queues for whoever pulls it.
    """
    queues = [subjects.jobs(island.island_id) for island in (scene.victim, member)]
    await scene.operator.publish(subjects.cancel(scene.victim.island_id), b"{}")
    for queue in queues:
        await scene.operator.jetstream().publish(queue, b'{"job_id":"bait"}')
    await seen(scene.victim.has_heard, "the victim hears what it is told")
    yield
    for queue in queues:
        await scene.operator.jetstream().purge_stream(subjects.JOBS, subject=queue)
