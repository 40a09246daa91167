"""From the code an island shows to the island in an account: the desk at the edge, the route, and the page."""

import re
from typing import Final

import httpx
import pytest

from adapters import clock
from adapters.nats.edge import Flood
from adapters.postgres.pairing_codes import WRONG_TRIES_MAX
from adapters.wire import ALREADY_PAIRED, SUSPENDED
from api.html_page import sha256_of
from api.pairing_desk import NOT_A_MEMBER, PairingDesk
from domain.api_key import Scope
from domain.ids import AccountId, IslandId
from domain.island import ISLAND
from domain.island_commands import EnrolIsland, PairIsland, RemoveIsland, RevokeIsland, SuspendIsland
from tests.api.network import Network, Person
from tests.api.newcomers import Newcomer

pytestmark = pytest.mark.asyncio(loop_scope="module")

LENDER: Final = (Scope.READ, Scope.ISLANDS)
PAGE: Final = "https://net.example/pair"


@pytest.fixture
def desk(network: Network) -> PairingDesk:
    return PairingDesk(network.services.handler, network.services.pairing_codes, PAGE)


async def pending(network: Network) -> IslandId:
    """An island that has enrolled on its own."""
    newcomer = Newcomer.new()
    command = EnrolIsland(
        island_id=newcomer.island_id,
        owner_id=None,
        name="Shed",
        user_key=newcomer.user.public,
        now_ms=clock.now_ms(),
    )
    await network.handle(ISLAND, newcomer.island_id, command)
    return newcomer.island_id


async def shown_code(desk: PairingDesk, island_id: IslandId) -> str:
    answer = await desk.pairing(island_id)
    assert answer.success
    assert answer.code is not None
    return answer.code


async def type_in(network: Network, person: Person, code: str) -> httpx.Response:
    return await network.http.post("/pair", json={"code": code}, headers=person.headers)


async def suspend(network: Network, island_id: IslandId) -> None:
    suspended = SuspendIsland(island_id=island_id, reason="test", now_ms=clock.now_ms())
    await network.handle(ISLAND, island_id, suspended)


async def test_the_owner_types_the_code_and_the_island_is_theirs(network: Network, desk: PairingDesk) -> None:
    person, island_id = await network.person(scopes=LENDER), await pending(network)
    answer = await type_in(network, person, await shown_code(desk, island_id))
    assert answer.status_code == 200
    told = {name: answer.json()[name] for name in ("host_id", "name", "status")}
    assert told == {"host_id": island_id, "name": "Shed", "status": "paired"}
    hosts = (await network.http.get("/hosts", headers=person.headers)).json()["hosts"]
    assert [(host["id"], host["status"]) for host in hosts] == [(island_id, "offline")]
    assert (await desk.pairing(island_id)).error == ALREADY_PAIRED


async def test_a_code_tells_how_long_it_lives_and_where_it_is_typed(
    network: Network, desk: PairingDesk
) -> None:
    island_id = await pending(network)
    first, second = await desk.pairing(island_id), await desk.pairing(island_id)
    assert (first.code, first.pair_url) == (second.code, PAGE)
    assert first.expires_in_seconds is not None
    assert 590 <= first.expires_in_seconds <= 600


async def test_small_letters_spaces_and_hyphens_are_the_same_code(
    network: Network, desk: PairingDesk
) -> None:
    person, island_id = await network.person(scopes=LENDER), await pending(network)
    code = (await shown_code(desk, island_id)).lower()
    assert (await type_in(network, person, f" {code[:3]}-{code[3:]} ")).status_code == 200


async def test_a_code_works_once(network: Network, desk: PairingDesk) -> None:
    person, other = await network.person(scopes=LENDER), await network.person(scopes=LENDER)
    code = await shown_code(desk, await pending(network))
    assert (await type_in(network, person, code)).status_code == 200
    again = await type_in(network, other, code)
    assert (again.status_code, again.json()["error"]["code"]) == (404, "pairing_code_unknown")


@pytest.mark.parametrize("code", ["", "ABC23", "ABC2345", "ABCI23", "ABC023", "ABÇ234", "A" * 1000])
async def test_what_can_be_no_code_names_the_field_and_counts_as_no_try(network: Network, code: str) -> None:
    person = await network.person(funds=0, scopes=LENDER)
    for _ in range(WRONG_TRIES_MAX + 1):
        answer = await type_in(network, person, code)
        assert answer.status_code == 422
        assert list(answer.json()["errors"]) == ["code"]


async def test_whoever_guesses_has_to_wait_even_with_the_right_code(
    network: Network, desk: PairingDesk
) -> None:
    guesser, owner = await network.person(scopes=LENDER), await network.person(scopes=LENDER)
    code = await shown_code(desk, await pending(network))
    wrong = "ABCDEF" if code != "ABCDEF" else "FEDCBA"
    for _ in range(WRONG_TRIES_MAX):
        assert (await type_in(network, guesser, wrong)).status_code == 404
    refused = await type_in(network, guesser, code)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert 590 <= int(refused.headers["Retry-After"]) <= 600
    assert (await type_in(network, owner, code)).status_code == 200


async def test_another_account_does_not_get_what_is_owned_already(
    network: Network, desk: PairingDesk
) -> None:
    owner, other = await network.person(scopes=LENDER), await network.person(scopes=LENDER)
    newcomer = Newcomer.new()
    await newcomer.enrol(network.http, owner.headers)
    revoked = RevokeIsland(island_id=newcomer.island_id, reason="test", now_ms=clock.now_ms())
    await network.handle(ISLAND, newcomer.island_id, revoked)
    await newcomer.with_new_user_key().enrol(network.http)
    refused = await type_in(network, other, await shown_code(desk, newcomer.island_id))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
    assert (await type_in(network, owner, await shown_code(desk, newcomer.island_id))).status_code == 200


async def test_an_island_that_is_suspended_is_told_so(network: Network, desk: PairingDesk) -> None:
    waiting, working = await pending(network), await pending(network)
    paired = PairIsland(island_id=working, owner_id=AccountId("owner"), now_ms=clock.now_ms())
    await network.handle(ISLAND, working, paired)
    for island_id in (waiting, working):
        await suspend(network, island_id)
        assert (await desk.pairing(island_id)).error == SUSPENDED


async def test_an_island_without_a_place_here_gets_no_code(network: Network, desk: PairingDesk) -> None:
    unknown, removed, revoked = Newcomer.new().island_id, await pending(network), await pending(network)
    owner = AccountId("owner")
    paired = PairIsland(island_id=removed, owner_id=owner, now_ms=clock.now_ms())
    await network.handle(ISLAND, removed, paired)
    removal = RemoveIsland(island_id=removed, owner_id=owner, now_ms=clock.now_ms())
    await network.handle(ISLAND, removed, removal)
    revocation = RevokeIsland(island_id=revoked, reason="test", now_ms=clock.now_ms())
    await network.handle(ISLAND, revoked, revocation)
    for island_id in (unknown, removed, revoked):
        answer = await desk.pairing(island_id)
        assert (answer.success, answer.error) == (False, NOT_A_MEMBER)


async def test_a_flood_costs_karma_once(network: Network, desk: PairingDesk) -> None:
    island_id = await pending(network)
    paired = PairIsland(island_id=island_id, owner_id=AccountId("owner"), now_ms=clock.now_ms())
    await network.handle(ISLAND, island_id, paired)
    flood = Flood(island_id=island_id, flood_id="f-1", messages_per_s=90_000)
    for _ in range(2):
        await desk.penalize(flood)
    assert (await network.services.handler.state(ISLAND, island_id)).standing.karma == -12


async def test_a_flood_of_nobody_is_no_fault(network: Network, desk: PairingDesk) -> None:
    await desk.penalize(Flood(island_id=Newcomer.new().island_id, flood_id="f-1", messages_per_s=90_000))


async def test_the_page_runs_its_own_script_and_nothing_else(network: Network) -> None:
    answer = await network.http.get(f"http://{network.address}/pair?code=ABC234")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    parts = dict(re.findall(r"<(script|style)>(.*?)</", answer.text, re.DOTALL))
    assert policy == {
        "default-src": "'none'",
        "script-src": f"'sha256-{sha256_of(parts['script'])}'",
        "style-src": f"'sha256-{sha256_of(parts['style'])}'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


async def test_the_page_holds_no_outside_part_and_nothing_its_policy_forbids(network: Network) -> None:
    page = (await network.http.get(f"http://{network.address}/pair")).text
    assert len(re.findall(r"<script", page)) == len(re.findall(r"<style", page)) == 1
    assert not re.search(r"\b(?:src|href|action|style|on\w+)=", page)
    assert "//" not in page.replace("<!doctype html>", "")
