"""Asking to join and for newer documents: what is proven, what is kept, and every way in which it does not work."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from adapters.nats.accounts.nkey import Kind, NKey
from island.enrolment import CoordinatorDoor, Expelled, Expulsion, NotEnrolled
from island.identity import Identity
from tests.island.coordinator import KEY, READ_ONLY_KEY, Coordinator, running_coordinator, some_document

HOW = {"name": "mine", "platform": "linux-x86_64"}


@pytest.fixture
def identity() -> Identity:
    return Identity(account=NKey.new(Kind.ACCOUNT), user=NKey.new(Kind.USER), is_new=True)


@pytest.fixture
def coordinator() -> Iterator[Coordinator]:
    with running_coordinator() as coordinator:
        yield coordinator


@pytest.fixture
async def door(coordinator: Coordinator) -> AsyncIterator[CoordinatorDoor]:
    async with httpx.AsyncClient() as client:
        yield CoordinatorDoor(client, coordinator.url)


async def test_an_island_without_a_key_joins_and_waits_for_its_owner(
    door: CoordinatorDoor, coordinator: Coordinator, identity: Identity
) -> None:
    credentials = await door.enrol(identity, key=None, **HOW)

    assert (credentials.host_id, credentials.user_key) == (identity.island_id, identity.user.public)
    assert (credentials.name, credentials.is_paired) == ("mine", False)
    assert credentials.coordinator_url == coordinator.url
    assert credentials.pair_url == f"{coordinator.url}/pair"
    (sent,) = coordinator.enrolled
    assert (sent["name"], sent["platform"]) == ("mine", "linux-x86_64")


async def test_no_seed_leaves_the_island(
    door: CoordinatorDoor, coordinator: Coordinator, identity: Identity
) -> None:
    await door.enrol(identity, key=None, **HOW)
    await door.renew(identity)
    sent = str(coordinator.enrolled + coordinator.renewed)
    assert identity.account.seed not in sent
    assert identity.user.seed not in sent


async def test_an_island_with_a_key_is_its_account_s_at_once(
    door: CoordinatorDoor, identity: Identity
) -> None:
    assert (await door.enrol(identity, key=KEY, **HOW)).is_paired


async def test_a_renewal_brings_the_newest_document(
    door: CoordinatorDoor, coordinator: Coordinator, identity: Identity
) -> None:
    first = await door.enrol(identity, key=None, **HOW)
    coordinator.paired.add(identity.island_id)
    second = await door.renew(identity)

    assert second.user_jwt != first.user_jwt
    assert second.is_paired
    assert set(coordinator.renewed[0]) == {"account_key", "user_key", "nonce", "user_signature"}


async def test_every_proof_has_a_nonce_of_its_own(
    door: CoordinatorDoor, coordinator: Coordinator, identity: Identity
) -> None:
    await door.enrol(identity, key=None, **HOW)
    await door.renew(identity)
    assert coordinator.enrolled[0]["nonce"] != coordinator.renewed[0]["nonce"]


@pytest.mark.parametrize(
    ("key", "words"),
    [("ak_unknown", "does not know this API key"), (READ_ONLY_KEY, "scope: islands is missing")],
)
async def test_a_wrong_key_is_told_what_it_lacks(
    door: CoordinatorDoor, identity: Identity, key: str, words: str
) -> None:
    with pytest.raises(NotEnrolled, match=words):
        await door.enrol(identity, key=key, **HOW)


@pytest.mark.parametrize("reason", list(Expulsion))
async def test_a_renewal_says_that_the_island_has_to_go_and_how_it_may_come_back(
    door: CoordinatorDoor, coordinator: Coordinator, identity: Identity, reason: Expulsion
) -> None:
    coordinator.refusals[identity.island_id] = reason
    with pytest.raises(
        Expelled, match=f"to join again: archipelago island join {coordinator.url}"
    ) as expelled:
        await door.renew(identity)
    assert expelled.value.reason is reason


async def test_a_revoked_key_cannot_enrol(
    door: CoordinatorDoor, coordinator: Coordinator, identity: Identity
) -> None:
    coordinator.revoked_keys.add(identity.user.public)
    with pytest.raises(Expelled, match="key was revoked"):
        await door.enrol(identity, key=None, **HOW)


async def test_another_failure_ends_nothing(
    door: CoordinatorDoor, coordinator: Coordinator, identity: Identity
) -> None:
    coordinator.refusals[identity.island_id] = "internal"
    with pytest.raises(NotEnrolled, match="status 500: no: internal"):
        await door.renew(identity)
    coordinator.refusals[identity.island_id] = "rate_limited"
    with pytest.raises(NotEnrolled, match="try again in a minute"):
        await door.renew(identity)


async def test_plain_http_where_tls_is_spoken_is_told_how_the_address_begins(identity: Identity) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()  # As a server that speaks TLS does when it is told "GET".

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotEnrolled, match="its address begins with https://"):
            await CoordinatorDoor(client, f"http://127.0.0.1:{port}").renew(identity)


async def test_an_address_without_a_coordinator_ends_nothing(
    coordinator: Coordinator, identity: Identity
) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(NotEnrolled, match="status 404"):
            await CoordinatorDoor(client, f"{coordinator.url}/elsewhere").renew(identity)


async def test_an_unreachable_coordinator_is_named(identity: Identity) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(NotEnrolled, match=r"no answer from http://127.0.0.1:1 .*check the address"):
            await CoordinatorDoor(client, "http://127.0.0.1:1").renew(identity)


OTHER = NKey.new(Kind.USER).public


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"host_id": "A" + 55 * "C"}, "host_id: the coordinator answered for another island"),
        ({"host_id": 7}, "is this its address"),
        ({"nats_url": "nats://user:password@127.0.0.1"}, "nats_url"),
        ({"nats_url": "http://127.0.0.1"}, "nats_url"),
        ({"user_jwt": "rubbish"}, "user_jwt: the coordinator's answer holds no document"),
        ({"user_jwt": None}, "user_jwt"),
        ({"user_jwt": some_document("", OTHER, False)}, "user_jwt: .* another key"),
    ],
)
async def test_an_answer_that_is_no_enrolment_is_refused(
    door: CoordinatorDoor, coordinator: Coordinator, identity: Identity, answer: dict[str, Any], words: str
) -> None:
    coordinator.answer = answer
    with pytest.raises(NotEnrolled, match=words):
        await door.enrol(identity, key=None, **HOW)
