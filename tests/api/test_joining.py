"""How an island joins over HTTP: what it must prove, what it gets, and how often anybody may try."""

import base64
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import nats
import pytest

from adapters import clock
from adapters.nats import subjects
from adapters.nats.accounts.jwt import read
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.connection import options
from adapters.nats.registrar_client import DocumentsRefusal, NoDocuments
from api.authorization import ENROLMENTS_PER_ADDRESS_MAX
from api.errors import DOCUMENTS_CODE_OF, of_refused_documents
from api.routes.islands import NEW_ISLANDS_MAX
from domain.api_key import Scope
from domain.island import ISLAND
from domain.island_commands import PenalizeFlood, RemoveIsland, RevokeIsland
from tests.api.network import BASE, PUBLIC_URL, Network
from tests.api.newcomers import Newcomer, fresh_nonce
from tests.fabric import Fabric

pytestmark = pytest.mark.asyncio(loop_scope="module")

LENDER: Final = (Scope.READ, Scope.ISLANDS)
_addresses = itertools.count(1)


@asynccontextmanager
async def from_address(network: Network, address: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A client at an address of its own, to which nobody has counted anything yet."""
    address = address or f"198.51.100.{next(_addresses)}"
    transport = httpx.ASGITransport(network.app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://test{BASE}") as http:
        yield http


async def test_an_island_without_a_key_is_pending_and_gets_a_document(
    network: Network, fabric: Fabric
) -> None:
    newcomer = Newcomer.new()
    async with from_address(network) as http:
        answer = await newcomer.enrol(http)
    told = answer.json()
    assert answer.status_code == 201
    assert (told["host_id"], told["name"], told["status"]) == (newcomer.island_id, "Shed", "pending")
    assert (told["nats_url"], told["pair_url"]) == (fabric.url, f"{PUBLIC_URL}/pair")
    assert told["expires_at_s"] > clock.now_ms() // 1000
    assert read(told["user_jwt"])["sub"] == newcomer.user.public
    assert int(answer.headers["Archipelago-Position"]) > 0


async def test_the_document_lets_the_island_in_at_once(network: Network, fabric: Fabric) -> None:
    newcomer = Newcomer.new()
    async with from_address(network) as http:
        jwt: str = (await newcomer.enrol(http)).json()["user_jwt"]
    client = await nats.connect(
        fabric.url,
        **options("island"),
        user_jwt_cb=jwt.encode,
        signature_cb=lambda nonce: base64.b64encode(newcomer.user.sign(nonce.encode())),
        inbox_prefix=subjects.inbox_prefix(newcomer.island_id),
    )
    await client.flush()
    await client.close()


async def test_an_island_whose_owner_vouches_for_it_is_paired_at_once(network: Network) -> None:
    person, newcomer = await network.person(scopes=LENDER), Newcomer.new()
    answer = await newcomer.enrol(network.http, person.headers)
    assert (answer.status_code, answer.json()["status"]) == (201, "paired")
    [host] = (await network.http.get("/hosts", headers=person.headers)).json()["hosts"]
    assert (host["id"], host["name"], host["status"], host["signed"]) == (
        newcomer.island_id,
        "Shed",
        "offline",
        True,
    )


async def test_enrolling_again_changes_nothing_and_gives_a_document_again(network: Network) -> None:
    newcomer = Newcomer.new()
    async with from_address(network) as http:
        first = await newcomer.enrol(http)
        second = await newcomer.enrol(http, name="Another name")
    assert second.headers["Archipelago-Position"] == first.headers["Archipelago-Position"]
    assert (second.status_code, second.json()["name"]) == (201, "Shed")
    assert read(second.json()["user_jwt"])["sub"] == newcomer.user.public


async def test_an_island_that_lost_its_user_key_comes_back_with_another(network: Network) -> None:
    newcomer = Newcomer.new()
    other = newcomer.with_new_user_key()
    async with from_address(network) as http:
        await newcomer.enrol(http)
        answer = await other.enrol(http)
        former = await newcomer.renew(http)
    assert read(answer.json()["user_jwt"])["sub"] == other.user.public
    assert (former.status_code, former.json()["error"]["code"]) == (403, "key_revoked")


async def test_an_island_of_another_account_cannot_be_vouched_for(network: Network) -> None:
    person, stranger = await network.person(scopes=LENDER), await network.person(scopes=LENDER)
    newcomer = Newcomer.new()
    await newcomer.enrol(network.http, person.headers)
    answer = await newcomer.enrol(network.http, stranger.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert "user_jwt" not in answer.text


async def test_a_key_that_is_shown_must_be_a_good_one(network: Network) -> None:
    reader = await network.person()
    newcomer = Newcomer.new()
    unknown = await newcomer.enrol(network.http, {"Authorization": "Bearer ak_unknown"})
    scopeless = await newcomer.enrol(network.http, reader.headers)
    assert (unknown.status_code, scopeless.status_code) == (401, 403)


SOMEBODY: Final = Newcomer.new()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"account_key": "short"}, "account_key"),
        ({"account_key": "AB" * 28}, "account_key"),
        ({"account_key": "A" * 56}, "user_signature"),  # Its check sum is right.
        ({"account_key": SOMEBODY.user.public}, "account_key"),
        ({"account_key": SOMEBODY.account.public}, "user_signature"),
        ({"user_key": SOMEBODY.account.public}, "user_key"),
        ({"user_key": SOMEBODY.user.public}, "user_signature"),
        ({"account_signature": "A" * 86}, "account_signature"),
        ({"user_signature": "A" * 86}, "user_signature"),
        ({"user_signature": "?"}, "user_signature"),
        ({"nonce": "A" * 48}, "nonce"),
        ({"nonce": "A" * 101}, "nonce"),
        ({"name": "\x00"}, "name"),
        ({"platform": "a b"}, "platform"),
        ({"owner_id": "somebody"}, "owner_id"),
    ],
)
async def test_a_wrong_enrolment_names_the_field(
    network: Network, changes: dict[str, Any], field: str
) -> None:
    async with from_address(network) as http:
        answer = await Newcomer.new().enrol(http, **changes)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]


async def test_a_signature_of_the_user_alone_enrols_nobody_s_account(network: Network) -> None:
    thief = Newcomer(account=SOMEBODY.account, user=NKey.new(Kind.USER))
    async with from_address(network) as http:
        body = thief.enrolment(await fresh_nonce(http))
        body["account_signature"] = body["user_signature"]
        answer = await http.post("/islands/enrol", json=body)
    assert list(answer.json()["errors"]) == ["account_signature"]


async def test_a_document_is_renewed_with_the_user_key_alone(network: Network) -> None:
    newcomer = Newcomer.new()
    async with from_address(network) as http:
        enrolled = (await newcomer.enrol(http)).json()
        answer = await newcomer.renew(http)
    assert answer.status_code == 200
    assert answer.json().keys() == enrolled.keys()
    assert read(answer.json()["user_jwt"])["sub"] == newcomer.user.public


async def test_the_signature_of_an_enrolment_renews_nothing(network: Network) -> None:
    newcomer = Newcomer.new()
    async with from_address(network) as http:
        await newcomer.enrol(http)
        body = newcomer.enrolment(await fresh_nonce(http))
        kept = {name: body[name] for name in ("account_key", "user_key", "nonce", "user_signature")}
        answer = await http.post("/islands/renew", json=kept)
    assert list(answer.json()["errors"]) == ["user_signature"]


async def test_an_island_that_never_enrolled_renews_nothing(network: Network) -> None:
    answer = await Newcomer.new().renew(network.http)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_a_removed_island_is_told_so_and_may_enrol_again(network: Network) -> None:
    person, newcomer = await network.person(scopes=LENDER), Newcomer.new()
    await newcomer.enrol(network.http, person.headers)
    removal = RemoveIsland(island_id=newcomer.island_id, owner_id=person.account_id, now_ms=clock.now_ms())
    await network.command(ISLAND, newcomer.island_id, removal)
    answer = await newcomer.renew(network.http)
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "island_removed")
    async with from_address(network) as http:
        again = await newcomer.enrol(http)
    assert (again.status_code, again.json()["status"]) == (201, "pending")


async def test_a_revoked_key_neither_renews_nor_enrols_and_a_new_one_waits_to_be_paired(
    network: Network,
) -> None:
    person, newcomer = await network.person(scopes=LENDER), Newcomer.new()
    await newcomer.enrol(network.http, person.headers)
    revocation = RevokeIsland(island_id=newcomer.island_id, reason="test", now_ms=clock.now_ms())
    await network.command(ISLAND, newcomer.island_id, revocation)
    async with from_address(network) as http:
        for answer in (await newcomer.renew(http), await newcomer.enrol(http)):
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "key_revoked")
        again = await newcomer.with_new_user_key().enrol(http)
    assert (again.status_code, again.json()["status"]) == (201, "pending")


async def test_one_address_enrols_a_few_islands_a_minute(network: Network) -> None:
    async with from_address(network, "203.0.113.7") as http:
        for _ in range(ENROLMENTS_PER_ADDRESS_MAX):
            wrong = await Newcomer.new().enrol(http, name="")
            assert wrong.status_code == 422
        refused = await Newcomer.new().enrol(http)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert int(refused.headers["Retry-After"]) <= 60
    async with from_address(network) as http:
        assert (await Newcomer.new().enrol(http)).status_code == 201


async def test_all_addresses_together_leave_a_bounded_number_of_facts_a_minute(network: Network) -> None:
    app = network.app_with()
    newcomer = Newcomer.new()

    async def enrol(one: Newcomer, number: int) -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(f"192.0.2.{number}", 1))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://test{BASE}") as http:
            return await one.enrol(http)

    assert (await enrol(newcomer, 0)).status_code == 201
    edge = app.state.edge
    for _ in range(NEW_ISLANDS_MAX - 1):
        edge.rates.count("new islands", NEW_ISLANDS_MAX)
    refused = await enrol(Newcomer.new(), 1)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert "without an API key" in refused.json()["message"]
    assert (await enrol(newcomer, 2)).status_code == 201  # It leaves no fact.
    assert (await enrol(newcomer.with_new_user_key(), 3)).status_code == 429
    flood = PenalizeFlood(
        island_id=newcomer.island_id, flood_id="f", messages_per_s=9_000, now_ms=clock.now_ms()
    )
    await network.handle(ISLAND, newcomer.island_id, flood)
    assert (await enrol(newcomer, 4)).status_code == 429  # It was thrown out, and would join anew.


@pytest.mark.parametrize("refusal", DocumentsRefusal)
async def test_every_refusal_of_the_registrar_has_an_answer(refusal: DocumentsRefusal) -> None:
    error = of_refused_documents(NoDocuments(refusal))
    assert error.code == DOCUMENTS_CODE_OF[refusal]
    assert (error.status_code == 503) == (refusal is DocumentsRefusal.UNAVAILABLE)
