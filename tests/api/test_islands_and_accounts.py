"""Own islands, the account, its books, and what anybody may read."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from api.app import build_app
from api.socket_document import with_socket
from projections.registry import BY_NAME
from tests.api.network import BASE, Network

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_host_shows_what_it_offers_to_its_owner_only(network: Network) -> None:
    person, stranger = await network.person(), await network.person()
    island_id = await network.island(person.account_id)
    host = (await network.http.get(f"/hosts/{island_id}", headers=person.headers)).json()
    foreign = await network.http.get(f"/hosts/{island_id}", headers=stranger.headers)
    assert (host["cpu_cores"], host["runtimes"], host["asking_prices"]) == (4, ["wasm"], {"_default": "1.0"})
    assert host["last_heartbeat_at"] == "2027-01-15T08:00:00.000Z"
    assert host["data"]["karma_score"] == 0
    assert None not in host.values()
    assert foreign.status_code == 404
    assert (await network.http.get("/hosts", headers=stranger.headers)).json()["hosts"] == []


async def test_the_account_is_shown_as_each_client_reads_it(network: Network) -> None:
    person = await network.person(funds=7)
    plain = (await network.http.get("/account", headers=person.headers)).json()
    sdk = await network.http.get("/account", headers=person.headers | {"User-Agent": "archipelag-python/1"})
    assert (plain["credits"], plain["data"]["credits"], plain["role"]) == ("7.0", 7.0, "user")
    assert isinstance(plain["data"]["id"], int)
    assert sdk.json()["data"]["id"] == str(plain["id"])


async def test_an_account_is_renamed_by_its_owner(network: Network) -> None:
    person = await network.person(funds=7)
    before = (await network.http.get("/account", headers=person.headers)).json()
    renamed = await network.http.patch("/account", json={"name": " Ada's shed "}, headers=person.headers)
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Ada's shed")
    after = renamed.headers["Archipelago-Position"]
    read = (await network.http.get(f"/account?after={after}", headers=person.headers)).json()
    assert read == before | {"name": "Ada's shed", "position": int(after)}


@pytest.mark.parametrize("name", ["", "   ", "bell\x07", "x" * 101, 7])
async def test_a_name_that_cannot_be_shown_is_refused(network: Network, name: object) -> None:
    person = await network.person(funds=0)
    refused = await network.http.patch("/account", json={"name": name}, headers=person.headers)
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["name"])


async def test_the_books_are_read_from_a_position_on(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    await network.job(person, slug)
    whole = (await network.http.get("/ledger/entries", headers=person.headers)).json()
    first = (await network.http.get("/ledger/entries?limit=1", headers=person.headers)).json()
    rest = (
        await network.http.get(f"/ledger/entries?since={first['position']}", headers=person.headers)
    ).json()
    assert [(entry["kind"], entry["account"], entry["amount"]) for entry in whole["entries"]] == [
        ("granted", "free", "100.0"),
        ("held", "free", "-4.0"),
        ("held", "held", "4.0"),
    ]
    assert first["entries"] + rest["entries"] == whole["entries"]


async def test_anybody_may_read_the_numbers_of_the_network(network: Network) -> None:
    answer = await network.http.get("/network/stats")
    assert answer.json().keys() == {"online_islands", "regions", "jobs_completed", "data"}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_health_is_well_while_everything_answers(network: Network) -> None:
    health = await network.http.get("/health")
    assert health.status_code == 200
    assert health.json()["status"] == "ok"
    assert set(health.json()["checks"].values()) == {"ok"}
    assert set(health.json()["projection_lag"]) == set(BY_NAME)


async def health_with(network: Network, **services: Any) -> httpx.Response:
    transport = httpx.ASGITransport(build_app(replace(network.services, **services)))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://test{BASE}") as http:
        return await http.get("/health")


async def test_health_is_degraded_while_a_worker_fails(network: Network) -> None:
    answer = await health_with(network, troubles=lambda: {"settling": "KeyError('secret')"})
    assert (answer.status_code, answer.json()["status"]) == (503, "degraded")
    assert answer.json()["failing_workers"] == ["settling"]
    assert "secret" not in answer.text


async def test_one_document_describes_the_fabric_and_the_websocket(network: Network) -> None:
    short = await network.http.get(f"http://{network.address}/asyncapi")
    long = await network.http.get("/asyncapi.json")
    assert short.json() == long.json() == with_socket({"asyncapi": "3.0.0"})
    assert long.json()["channels"]["WebSocket"]["address"] == "/api/v1/ws"


async def test_a_read_of_a_position_that_is_not_there_yet_is_answered_in_time(network: Network) -> None:
    person, _ = await network.somebody()
    transport = httpx.ASGITransport(network.app_with(write_wait_s=0.05))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://test{BASE}") as http:
        for path in ("/jobs", "/account", "/hosts", "/workloads", "/api-keys"):
            answer = await http.get(f"{path}?after=99999999", headers=person.headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_caught_up")
            assert answer.headers["Retry-After"] == "1"
