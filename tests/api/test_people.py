"""Bans and identities over HTTP: who may still do what, and what operators see."""

from typing import Any, Final

import httpx
import pytest

from domain.api_key import Scope
from tests.api.network import BASE, Network, Person
from tests.api.newcomers import Newcomer

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVERYTHING: Final = (Scope.READ, Scope.WRITE, Scope.ISLANDS)
REASON: Final = {"reason": "sold stolen keys"}
USERS: Final = "/admin/verification/users"


async def operator(network: Network) -> Person:
    return await network.person(funds=0, scopes=(Scope.ADMIN,))


async def decided(network: Network, staff: Person, who: Person, word: str, **body: Any) -> httpx.Response:
    path = f"{USERS}/{who.account_id}/{word}"
    return await network.http.post(path, json=body or None, headers=staff.headers)


async def standing(network: Network, who: Person) -> dict[str, Any]:
    answer = await network.http.get("/verification/status", headers=who.headers)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()["data"]
    return found


async def test_a_banned_account_reads_and_does_nothing_more(network: Network) -> None:
    staff, person, slug = await operator(network), await network.person(scopes=EVERYTHING), ""
    slug = await network.cargo()
    job_id = await network.job(person, slug)
    banned = await decided(network, staff, person, "ban", **REASON)
    assert (banned.status_code, banned.json()["user"]["banned"]) == (200, True)
    submitted = await network.http.post("/jobs", json={"workload": slug, "input": {}}, headers=person.headers)
    assert (submitted.status_code, submitted.json()["error"]["code"]) == (403, "forbidden")
    for method, path in (
        ("POST", "/workloads"),
        ("POST", "/api-keys"),
        ("POST", "/pair"),
        ("POST", "/hosts/tickets"),
        ("DELETE", f"/jobs/{job_id}"),
    ):
        refused = await network.http.request(method, path, json={"code": "ABC234"}, headers=person.headers)
        assert refused.status_code == 403, path
        assert "banned" in refused.json()["message"]
    enrolled = await Newcomer.new().enrol(network.http, person.headers)
    assert enrolled.status_code == 403
    assert (await network.http.get(f"/jobs/{job_id}", headers=person.headers)).status_code == 200
    seen = await standing(network, person)
    assert (seen["banned"], seen["ban_reason"]) == (True, "sold stolen keys")


async def test_a_ban_ends_by_an_operator_s_word(network: Network) -> None:
    staff, person, slug = await operator(network), await network.person(), await network.cargo()
    await decided(network, staff, person, "ban", **REASON)
    assert (await decided(network, staff, person, "ban", **REASON)).status_code == 200
    ended = await decided(network, staff, person, "unban")
    assert (ended.status_code, ended.json()["user"]["banned"]) == (200, False)
    assert await network.job(person, slug)
    assert "ban_reason" not in await standing(network, person)


async def test_one_account_s_ban_is_nobody_else_s(network: Network) -> None:
    staff, person, other = await operator(network), await network.person(), await network.person()
    slug = await network.cargo()
    await decided(network, staff, person, "ban", **REASON)
    assert await network.job(other, slug)


async def test_an_operator_does_not_ban_itself(network: Network) -> None:
    staff = await operator(network)
    refused = await decided(network, staff, staff, "ban", **REASON)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")


async def test_an_operator_verifies_and_resets_who_somebody_is(network: Network) -> None:
    staff, person = await operator(network), await network.person()
    assert (await standing(network, person))["kyc_status"] == "unverified"
    verified = (await decided(network, staff, person, "verify", country="CH")).json()["user"]
    assert (verified["kyc_status"], verified["kyc_verified_country"]) == ("verified", "CH")
    assert verified["kyc_verified_at"].endswith("Z")
    reset = (await decided(network, staff, person, "reset", **REASON)).json()["user"]
    assert reset["kyc_status"] == "unverified"
    assert "kyc_verified_country" not in reset


async def test_operators_list_people_by_how_far_they_are_checked(network: Network) -> None:
    staff, person = await operator(network), await network.person()

    async def listed(**query: Any) -> set[str]:
        page = await network.http.get(
            USERS, params={"search": person.account_id, "limit": 500, **query}, headers=staff.headers
        )
        assert page.json()["count"] == len(page.json()["users"])
        return {user["account_id"] for user in page.json()["users"]}

    before = (await network.http.get("/admin/verification/stats", headers=staff.headers)).json()
    assert person.account_id in await listed() & await listed(status="unverified")
    assert person.account_id not in await listed(status="banned") | await listed(status="verified")
    await decided(network, staff, person, "ban", **REASON)
    await decided(network, staff, person, "verify")
    assert person.account_id in await listed(status="banned") & await listed(status="verified")
    assert await listed(status="rejected") == set()
    after = (await network.http.get("/admin/verification/stats", headers=staff.headers)).json()
    assert (after["banned"], after["verified"]) == (before["banned"] + 1, before["verified"] + 1)


async def test_without_a_provider_nobody_is_sent_anywhere(network: Network) -> None:
    person = await network.person()
    refused = await network.http.post("/verification/session", headers=person.headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (501, "not_available")


async def test_a_provider_s_check_is_pending_until_an_operator_decides(network: Network) -> None:
    staff, person = await operator(network), await network.person()
    transport = httpx.ASGITransport(network.app_with(verification_url="https://kyc.example/check"))
    body = {"return_url": "https://net.example/back"}
    async with httpx.AsyncClient(transport=transport, base_url=f"http://test{BASE}") as http:
        first = await http.post("/verification/session", json=body, headers=person.headers)
        again = await http.post("/verification/session", json=body, headers=person.headers)
        wrong = await http.post(
            "/verification/session", json={"return_url": "javascript:x"}, headers=person.headers
        )
    session_id = first.json()["session_id"]
    assert first.json()["url"] == (
        f"https://kyc.example/check?session_id={session_id}&return_url=https%3A%2F%2Fnet.example%2Fback"
    )
    assert again.json()["session_id"] == session_id
    assert (wrong.status_code, list(wrong.json()["errors"])) == (422, ["return_url"])
    path = f"{USERS}/{person.account_id}"
    position = first.headers["Archipelago-Position"]
    shown = await network.http.get(path, params={"after": position}, headers=staff.headers)
    assert shown.json()["user"]["kyc_status"] == "pending"
    assert [one["session_id"] for one in shown.json()["verification_sessions"]] == [session_id]


async def test_an_unknown_account_is_not_found(network: Network) -> None:
    staff = await operator(network)
    for method, path in (("GET", f"{USERS}/nobody"), ("POST", f"{USERS}/nobody/verify")):
        answer = await network.http.request(method, path, headers=staff.headers)
        assert answer.status_code == 404
