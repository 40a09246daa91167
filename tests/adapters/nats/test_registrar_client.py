"""What the API hears from the registrar, and what it makes of silence."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from adapters.nats import registrar_client
from adapters.nats.accounts.roles import Role
from adapters.nats.registrar_client import Documents, DocumentsRefusal, NoDocuments, RegistrarClient
from domain.ids import IslandId
from tests.fabric import Fabric, settle

ISLAND = IslandId("AISLAND")


@pytest.fixture
async def asking(fabric: Fabric) -> AsyncIterator[RegistrarClient]:
    async with fabric.connected(Role.API) as client:
        yield RegistrarClient(client)


@pytest.fixture
async def registrar(fabric: Fabric) -> AsyncIterator[Client]:
    async with fabric.connected(Role.REGISTRAR_CORE) as client:
        yield client


async def answering(registrar: Client, **answer: Any) -> list[Msg]:
    asked: list[Msg] = []

    async def reply(message: Msg) -> None:
        asked.append(message)
        await message.respond(json.dumps(answer).encode())

    await registrar.subscribe("registrar.documents.*", cb=reply)
    await settle(registrar)
    return asked


async def test_it_asks_about_one_island_at_one_position(asking: RegistrarClient, registrar: Client) -> None:
    asked = await answering(registrar, user_jwt="ey", expires_at_s=1_800_000_000)
    assert await asking.documents(ISLAND, 7) == Documents(user_jwt="ey", expires_at_s=1_800_000_000)
    assert [(one.subject, json.loads(one.data)) for one in asked] == [
        ("registrar.documents.AISLAND", {"position": 7})
    ]


async def test_an_island_with_a_password_gets_no_document(asking: RegistrarClient, registrar: Client) -> None:
    await answering(registrar, expires_at_s=1_800_000_000)
    assert (await asking.documents(ISLAND, 7)).user_jwt is None


@pytest.mark.parametrize("code", DocumentsRefusal)
async def test_a_refusal_keeps_its_code(
    asking: RegistrarClient, registrar: Client, code: DocumentsRefusal
) -> None:
    await answering(registrar, error=code)
    with pytest.raises(NoDocuments) as refused:
        await asking.documents(ISLAND, 7)
    assert refused.value.code is code


async def test_without_a_registrar_nothing_is_available(asking: RegistrarClient) -> None:
    with pytest.raises(NoDocuments) as refused:
        await asking.documents(ISLAND, 7)
    assert refused.value.code is DocumentsRefusal.UNAVAILABLE


async def test_a_registrar_that_says_nothing_is_given_up(
    asking: RegistrarClient, registrar: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registrar_client, "ANSWER_S", 0.05)
    await registrar.subscribe("registrar.documents.*")
    await settle(registrar)
    with pytest.raises(NoDocuments) as refused:
        await asking.documents(ISLAND, 7)
    assert refused.value.code is DocumentsRefusal.UNAVAILABLE
