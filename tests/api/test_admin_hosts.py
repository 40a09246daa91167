"""What an operator sees of all islands and decides about each, and what owners see of it."""

from typing import Any, Final

import httpx
import pytest

from commands.fleet import offer_after
from domain.api_key import Scope
from domain.ids import IslandId
from domain.island import ISLAND
from domain.island_commands import RecordHeartbeat, RegisterIsland
from domain.placement import Offer, Refusal, refusal
from tests.api.network import BASE, Network, Person
from tests.api.newcomers import Newcomer
from tests.examples import CAPABILITIES, T0_MS, WANT

pytestmark = pytest.mark.asyncio(loop_scope="module")

LENDER: Final = (Scope.READ, Scope.ISLANDS)
REASON: Final = {"reason": "looks odd"}


async def operator(network: Network) -> Person:
    return await network.person(funds=0, scopes=(Scope.ADMIN,))


async def ask(network: Network, person: Person, method: str, path: str, **options: Any) -> httpx.Response:
    return await network.http.request(method, path, headers=person.headers, **options)


async def under_review(network: Network, owner: Person) -> IslandId:
    """A new island of a network whose operator looks at new ones."""
    newcomer = Newcomer.new()
    transport = httpx.ASGITransport(network.app_with(review_islands=True))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://test{BASE}") as http:
        assert (await newcomer.enrol(http, owner.headers)).status_code == 201
    registered = RegisterIsland(
        island_id=newcomer.island_id,
        agent_version="1.0",
        protocol=2,
        capabilities=CAPABILITIES,
        asks_micro={},
        now_ms=T0_MS,
    )
    await network.command(ISLAND, newcomer.island_id, registered)
    await beat(network, newcomer.island_id)
    return newcomer.island_id


async def beat(network: Network, island_id: IslandId, *, seconds: int = 10) -> None:
    heartbeat = RecordHeartbeat(
        island_id=island_id,
        is_leaving=False,
        is_draining=False,
        asks_micro={},
        warm_slugs=(),
        now_ms=T0_MS + seconds * 1000,
    )
    await network.command(ISLAND, island_id, heartbeat)


async def offer_of(network: Network, island_id: IslandId) -> Offer:
    """The island as the placing process sees it."""
    offer: Offer | None = None
    for commit in await network.services.log.history(ISLAND.stream(island_id)):
        for event in commit.events:
            offer = offer_after(offer, event)
    assert offer is not None
    return offer


async def why_not(network: Network, island_id: IslandId) -> Refusal | None:
    return refusal(WANT, await offer_of(network, island_id), now_ms=T0_MS, retry_allowed=False)


async def listed(network: Network, staff: Person, path: str, **params: Any) -> set[str]:
    found: set[str] = set()
    while True:
        query = {**params, "limit": 100, "offset": len(found)}
        page = (await ask(network, staff, "GET", path, params=query)).json()
        found |= {host["id"] for host in page["hosts"]}
        if len(found) >= page["meta"]["total"]:
            return found


async def test_an_owner_s_drain_stops_placement_and_survives_heartbeats(network: Network) -> None:
    owner = await network.person(scopes=LENDER)
    island_id = await network.island(owner.account_id)
    await beat(network, island_id)
    assert await why_not(network, island_id) is None
    drained = await ask(network, owner, "POST", f"/hosts/{island_id}/drain")
    assert (drained.status_code, drained.json()["standing"], drained.json()["status"]) == (
        200,
        "draining",
        "online",
    )
    await beat(network, island_id, seconds=20)
    assert await why_not(network, island_id) is Refusal.DRAINING
    again = await ask(network, owner, "POST", f"/hosts/{island_id}/drain")
    assert (again.status_code, again.json()["drain_ordered"]) == (200, True)
    resumed = await ask(network, owner, "POST", f"/hosts/{island_id}/resume")
    assert (resumed.json()["standing"], resumed.json()["drain_ordered"]) == ("online", False)
    assert await why_not(network, island_id) is None


@pytest.mark.parametrize("word", ["drain", "resume"])
async def test_a_foreign_island_is_not_there_to_be_drained(network: Network, word: str) -> None:
    owner, stranger = await network.person(scopes=LENDER), await network.person(scopes=LENDER)
    island_id = await network.island(owner.account_id)
    assert (await ask(network, stranger, "POST", f"/hosts/{island_id}/{word}")).status_code == 404


async def test_a_new_island_waits_for_the_operator_where_reviews_are_demanded(network: Network) -> None:
    owner, staff = await network.person(scopes=LENDER), await operator(network)
    island_id = await under_review(network, owner)
    seen = (await ask(network, owner, "GET", f"/hosts/{island_id}")).json()
    assert (seen["status"], seen["data"]["status"]) == ("pending", "pending")
    assert await why_not(network, island_id) is Refusal.NOT_APPROVED
    assert island_id in await listed(network, staff, "/admin/hosts/pending")
    approved = await ask(network, staff, "POST", f"/admin/hosts/{island_id}/approve")
    assert (approved.status_code, approved.json()["status"]) == (200, "online")
    assert await why_not(network, island_id) is None
    assert island_id not in await listed(network, staff, "/admin/hosts/pending")


async def test_a_rejected_island_gets_no_jobs_and_its_owner_reads_why(network: Network) -> None:
    owner, staff = await network.person(scopes=LENDER), await operator(network)
    island_id = await under_review(network, owner)
    rejected = await ask(network, staff, "POST", f"/admin/hosts/{island_id}/reject", json=REASON)
    assert (rejected.status_code, rejected.json()["standing"]) == (200, "rejected")
    seen = (await ask(network, owner, "GET", f"/hosts/{island_id}")).json()
    assert (seen["status"], seen["suspended_reason"]) == ("suspended", "looks odd")
    assert await why_not(network, island_id) is Refusal.NOT_APPROVED
    assert island_id not in await listed(network, staff, "/admin/hosts/pending")


async def test_an_approved_island_is_suspended_and_not_rejected(network: Network) -> None:
    owner, staff = await network.person(scopes=LENDER), await operator(network)
    island_id = await network.island(owner.account_id)
    refused = await ask(network, staff, "POST", f"/admin/hosts/{island_id}/reject", json=REASON)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
    suspended = await ask(network, staff, "POST", f"/admin/hosts/{island_id}/suspend", json=REASON)
    body = suspended.json()
    assert (body["status"], body["suspended_reason"], body["owner_id"]) == (
        "suspended",
        "looks odd",
        owner.account_id,
    )
    assert body["suspended_at"].endswith("Z")
    assert island_id in await listed(network, staff, "/admin/hosts", status="suspended")
    back = (await ask(network, staff, "POST", f"/admin/hosts/{island_id}/unsuspend")).json()
    assert back["standing"] == "offline"
    assert "suspended_reason" not in back


async def test_an_operator_verifies_what_a_machine_says_of_itself(network: Network) -> None:
    owner, staff = await network.person(scopes=LENDER), await operator(network)
    island_id = await network.island(owner.account_id)
    path = f"/admin/hosts/{island_id}"
    assert island_id in await listed(network, staff, "/admin/hosts/unverified")
    verified = (await ask(network, staff, "POST", f"{path}/verify", json={"notes": "seen it"})).json()
    assert (verified["capabilities_verified"], verified["verification_notes"]) == (True, "seen it")
    assert island_id not in await listed(network, staff, "/admin/hosts/unverified")
    again = await ask(network, staff, "POST", f"{path}/verify")
    assert (again.status_code, again.json()["verification_notes"]) == (200, "seen it")
    withdrawn = (await ask(network, staff, "POST", f"{path}/unverify", json=REASON)).json()
    assert (withdrawn["capabilities_verified"], withdrawn["verification_notes"]) == (False, "looks odd")
    assert "capabilities_verified_at" not in withdrawn


async def test_an_operator_s_decision_stands_in_the_log_with_the_key_that_took_it(network: Network) -> None:
    owner, staff = await network.person(scopes=LENDER), await operator(network)
    island_id = await under_review(network, owner)
    answer = await ask(network, staff, "POST", f"/admin/hosts/{island_id}/approve")
    commit = (await network.services.log.history(ISLAND.stream(island_id)))[-1]
    assert commit.origin.actor == f"api_key.{staff.key_id}"
    assert commit.origin.correlation_id == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("word", ["reject", "suspend", "unverify"])
@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "a\x00b"}, {"reason": "x" * 201}])
async def test_a_decision_needs_a_readable_reason(network: Network, word: str, body: dict[str, str]) -> None:
    owner, staff = await network.person(scopes=LENDER), await operator(network)
    island_id = await network.island(owner.account_id)
    refused = await ask(network, staff, "POST", f"/admin/hosts/{island_id}/{word}", json=body)
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["reason"])


async def test_an_unknown_status_is_named(network: Network) -> None:
    staff = await operator(network)
    refused = await ask(network, staff, "GET", "/admin/hosts", params={"status": "asleep"})
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["status"])


async def test_the_history_of_karma_says_whose_it_is(network: Network) -> None:
    owner = await network.person(scopes=LENDER)
    island_id = await network.island(owner.account_id)
    history = (await ask(network, owner, "GET", f"/hosts/{island_id}/karma/history")).json()
    assert (history["host_id"], history["count"], history["events"]) == (island_id, 0, [])
