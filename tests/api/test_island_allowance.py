"""How many islands an account may have, whichever way it gets one."""

from typing import Final

import pytest

from adapters import clock
from api import island_allowance
from api.pairing_desk import PairingDesk
from domain.api_key import Scope
from domain.island import ISLAND
from domain.island_commands import EnrolIsland
from tests.api.network import Network, Person
from tests.api.newcomers import Newcomer

pytestmark = pytest.mark.asyncio(loop_scope="module")

LENDER: Final = (Scope.READ, Scope.ISLANDS)
EXCEEDED: Final = (409, "islands_exceeded")


@pytest.fixture(autouse=True)
def at_most_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(island_allowance, "ISLANDS_PER_ACCOUNT_MAX", 1)


async def owner(network: Network) -> tuple[Person, Newcomer]:
    """Somebody who has as many as allowed."""
    person, newcomer = await network.person(scopes=LENDER), Newcomer.new()
    assert (await newcomer.enrol(network.http, person.headers)).status_code == 201
    return person, newcomer


async def ticket(network: Network, person: Person) -> tuple[int, str | None]:
    answer = await network.http.post("/hosts/tickets", json={"name": "Box"}, headers=person.headers)
    return answer.status_code, answer.json().get("error", {}).get("code")


async def test_a_full_account_gets_no_ticket_until_it_removes_an_island(network: Network) -> None:
    person, island = await owner(network)
    assert await ticket(network, person) == EXCEEDED
    await network.http.delete(f"/hosts/{island.island_id}", headers=person.headers)
    assert await ticket(network, person) == (201, None)
    assert await ticket(network, person) == EXCEEDED


async def test_a_full_account_vouches_for_no_other_island_but_its_own_comes_back(network: Network) -> None:
    person, island = await owner(network)
    another = Newcomer.new()
    refused = await another.enrol(network.http, person.headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == EXCEEDED
    assert "remove one" in refused.json()["error"]["message"]
    assert (await network.services.handler.state(ISLAND, another.island_id)).owner_id is None
    assert (await island.with_new_user_key().enrol(network.http, person.headers)).status_code == 201


async def test_a_full_account_pairs_no_island_and_the_code_stays_good(network: Network) -> None:
    person, _ = await owner(network)
    newcomer = Newcomer.new()
    joining = EnrolIsland(
        island_id=newcomer.island_id,
        owner_id=None,
        name="Shed",
        user_key=newcomer.user.public,
        now_ms=clock.now_ms(),
    )
    await network.handle(ISLAND, newcomer.island_id, joining)
    desk = PairingDesk(network.services.handler, network.services.pairing_codes, "https://net.example/pair")
    code = {"code": (await desk.pairing(newcomer.island_id)).code}
    refused = await network.http.post("/pair", json=code, headers=person.headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == EXCEEDED
    somebody = await network.person(scopes=LENDER)
    assert (await network.http.post("/pair", json=code, headers=somebody.headers)).status_code == 200
