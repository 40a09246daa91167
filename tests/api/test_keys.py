"""Who may call what: keys, scopes over every route, revocation, and how often."""

from typing import Any, Final

import httpx
import pytest

from api.rate_limits import WINDOWS_MAX, RateLimits
from domain.api_key import Scope
from tests.api.network import BASE, Network

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN: Final = None
ROUTES: Final = {
    ("GET", "/asyncapi"): OPEN,
    ("GET", "/api/v1/asyncapi.json"): OPEN,
    ("GET", "/api/v1/health"): OPEN,
    ("GET", "/api/v1/network/stats"): OPEN,
    ("GET", "/api/v1/artifacts/{digest}"): OPEN,
    ("PUT", "/api/v1/artifacts/{digest}"): Scope.WRITE,
    ("POST", "/api/v1/jobs"): Scope.WRITE,
    ("GET", "/api/v1/jobs"): Scope.READ,
    ("GET", "/api/v1/jobs/{job_id}"): Scope.READ,
    ("DELETE", "/api/v1/jobs/{job_id}"): Scope.WRITE,
    ("GET", "/api/v1/jobs/{job_id}/output"): Scope.READ,
    ("GET", "/api/v1/jobs/{job_id}/stream"): Scope.READ,
    ("GET", "/api/v1/jobs/{job_id}/timeline"): Scope.READ,
    ("GET", "/api/v1/jobs/{job_id}/placement"): Scope.READ,
    ("GET", "/api/v1/jobs/{job_id}/case"): Scope.READ,
    ("GET", "/api/v1/workloads"): Scope.READ,
    ("POST", "/api/v1/workloads"): Scope.WRITE,
    ("GET", "/api/v1/workloads/{slug}"): Scope.READ,
    ("GET", "/api/v1/hosts"): Scope.READ,
    ("GET", "/api/v1/hosts/{island_id}"): Scope.READ,
    ("PATCH", "/api/v1/hosts/{island_id}"): Scope.ISLANDS,
    ("DELETE", "/api/v1/hosts/{island_id}"): Scope.ISLANDS,
    ("GET", "/api/v1/hosts/{island_id}/rejected-claims"): Scope.READ,
    ("GET", "/api/v1/hosts/{island_id}/why-idle"): Scope.READ,
    ("GET", "/api/v1/hosts/{island_id}/karma"): Scope.READ,
    ("GET", "/api/v1/hosts/{island_id}/karma/history"): Scope.READ,
    ("POST", "/api/v1/hosts/{island_id}/suspend"): Scope.ADMIN,
    ("POST", "/api/v1/hosts/{island_id}/reinstate"): Scope.ADMIN,
    ("POST", "/api/v1/hosts/{island_id}/revoke"): Scope.ADMIN,
    ("POST", "/api/v1/hosts/{island_id}/drain"): Scope.ISLANDS,
    ("POST", "/api/v1/hosts/{island_id}/resume"): Scope.ISLANDS,
    ("GET", "/api/v1/agent/update"): OPEN,
    ("POST", "/api/v1/admin/agent-releases"): Scope.ADMIN,
    ("GET", "/api/v1/signing-keys"): OPEN,
    ("GET", "/.well-known/cosign-keys.json"): OPEN,
    ("POST", "/api/v1/ab-tests"): Scope.WRITE,
    ("POST", "/api/v1/ab-tests/{test_id}/activate"): Scope.WRITE,
    ("GET", "/api/v1/ab-tests/{test_id}/results"): Scope.READ,
    ("POST", "/api/v1/federated/sessions"): Scope.WRITE,
    ("POST", "/api/v1/confidential/keys"): Scope.WRITE,
    ("POST", "/api/v1/island/apple-silicon/attest"): Scope.ISLANDS,
    ("GET", "/api/v1/island/encryption-target"): Scope.ISLANDS,
    ("POST", "/api/v1/workflows"): Scope.WRITE,
    ("GET", "/api/v1/workflows/{workflow_id}"): Scope.READ,
    ("DELETE", "/api/v1/workflows/{workflow_id}"): Scope.WRITE,
    ("GET", "/api/v1/cache/stats"): Scope.READ,
    ("GET", "/api/v1/verification/status"): Scope.READ,
    ("POST", "/api/v1/verification/session"): Scope.WRITE,
    ("GET", "/api/v1/admin/verification/stats"): Scope.ADMIN,
    ("GET", "/api/v1/admin/verification/users"): Scope.ADMIN,
    ("GET", "/api/v1/admin/verification/users/{account_id}"): Scope.ADMIN,
    ("POST", "/api/v1/admin/verification/users/{account_id}/verify"): Scope.ADMIN,
    ("POST", "/api/v1/admin/verification/users/{account_id}/reset"): Scope.ADMIN,
    ("POST", "/api/v1/admin/verification/users/{account_id}/ban"): Scope.ADMIN,
    ("POST", "/api/v1/admin/verification/users/{account_id}/unban"): Scope.ADMIN,
    ("GET", "/api/v1/island/recommendations"): OPEN,
    ("GET", "/api/v1/admin/hosts"): Scope.ADMIN,
    ("GET", "/api/v1/admin/hosts/pending"): Scope.ADMIN,
    ("GET", "/api/v1/admin/hosts/unverified"): Scope.ADMIN,
    ("GET", "/api/v1/admin/hosts/{island_id}"): Scope.ADMIN,
    ("POST", "/api/v1/admin/hosts/{island_id}/approve"): Scope.ADMIN,
    ("POST", "/api/v1/admin/hosts/{island_id}/reject"): Scope.ADMIN,
    ("POST", "/api/v1/admin/hosts/{island_id}/suspend"): Scope.ADMIN,
    ("POST", "/api/v1/admin/hosts/{island_id}/unsuspend"): Scope.ADMIN,
    ("POST", "/api/v1/admin/hosts/{island_id}/verify"): Scope.ADMIN,
    ("POST", "/api/v1/admin/hosts/{island_id}/unverify"): Scope.ADMIN,
    ("POST", "/api/v1/hosts/tickets"): Scope.ISLANDS,
    ("GET", "/api/v1/rejected-claims"): Scope.ADMIN,
    ("GET", "/api/v1/islands/nonce"): OPEN,
    ("POST", "/api/v1/islands/enrol"): OPEN,
    ("POST", "/api/v1/islands/renew"): OPEN,
    ("POST", "/api/v1/pair"): Scope.ISLANDS,
    ("GET", "/api/v1/account"): Scope.READ,
    ("GET", "/api/v1/accounts/{account_id}/balance"): Scope.ADMIN,
    ("GET", "/api/v1/audit/placement"): Scope.ADMIN,
    ("PATCH", "/api/v1/account"): Scope.WRITE,
    ("PUT", "/api/v1/account/email"): Scope.WRITE,
    ("POST", "/api/v1/sign-in"): OPEN,
    ("POST", "/api/v1/sign-out"): Scope.READ,
    ("POST", "/api/v1/admin/invitations"): Scope.ADMIN,
    ("GET", "/api/v1/sessions"): Scope.READ,
    ("POST", "/api/v1/sessions"): OPEN,
    ("DELETE", "/api/v1/sessions/{session}"): Scope.WRITE,
    ("GET", "/api/v1/api-keys"): Scope.READ,
    ("POST", "/api/v1/api-keys"): Scope.WRITE,
    ("DELETE", "/api/v1/api-keys/{key}"): Scope.WRITE,
    ("GET", "/api/v1/ledger/entries"): Scope.READ,
    ("GET", "/api/v1/reports/invoice"): Scope.READ,
    ("GET", "/api/v1/reports/statement"): Scope.READ,
    ("GET", "/api/v1/reports/usage"): Scope.READ,
    ("GET", "/api/v1/reports/audit"): Scope.ADMIN,
    ("POST", "/api/v1/accounts/{account_id}/corrections"): Scope.ADMIN,
    ("GET", "/api/v1/account/erasure"): Scope.READ,
    ("POST", "/api/v1/account/erase"): Scope.WRITE,
    ("GET", "/api/v1/accounts/{account_id}/erasure"): Scope.ADMIN,
    ("POST", "/api/v1/accounts/{account_id}/erase"): Scope.ADMIN,
    ("GET", "/api/v1/audit/touched"): Scope.ADMIN,
    ("GET", "/api/v1/audit/books"): Scope.ADMIN,
    ("GET", "/api/v1/audit/checkpoint"): OPEN,
    ("GET", "/api/v1/audit/proof/inclusion"): Scope.READ,
    ("GET", "/api/v1/audit/proof/consistency"): Scope.READ,
    ("POST", "/api/v1/audit/jobs/{job_id}/refund"): Scope.ADMIN,
    ("POST", "/api/v1/audit/jobs/{job_id}/rerun"): Scope.ADMIN,
    ("POST", "/api/v1/ws-tickets"): Scope.READ,
    ("POST", "/api/v1/webhooks"): Scope.WRITE,
    ("GET", "/api/v1/webhooks"): Scope.READ,
    ("GET", "/api/v1/webhooks/{webhook_id}"): Scope.READ,
    ("PATCH", "/api/v1/webhooks/{webhook_id}"): Scope.WRITE,
    ("DELETE", "/api/v1/webhooks/{webhook_id}"): Scope.WRITE,
    ("POST", "/api/v1/webhooks/{webhook_id}/secret"): Scope.WRITE,
    ("POST", "/api/v1/webhooks/{webhook_id}/test"): Scope.WRITE,
    ("POST", "/api/v1/webhooks/{webhook_id}/replay"): Scope.WRITE,
    ("GET", "/api/v1/webhooks/{webhook_id}/deliveries"): Scope.READ,
    ("POST", "/api/v1/jobs/batch"): Scope.WRITE,
    ("GET", "/api/v1/jobs/{job_id}/batch-status"): Scope.READ,
    ("GET", "/api/v1/market/rates"): OPEN,
    ("GET", "/api/v1/market/rates/{slug}"): OPEN,
    ("GET", "/api/v1/market/history/{slug}"): OPEN,
    ("GET", "/api/v1/market/book/{slug}"): OPEN,
    ("GET", "/api/v1/market/suggestions"): OPEN,
    ("POST", "/api/v1/market/asking-prices"): Scope.ISLANDS,
    ("GET", "/api/v1/market/bids"): Scope.READ,
    ("POST", "/api/v1/market/bids"): Scope.WRITE,
    ("GET", "/api/v1/workloads/{slug}/trust"): Scope.READ,
    ("POST", "/api/v1/workloads/{slug}/ratings"): Scope.WRITE,
    ("POST", "/api/v1/workloads/{slug}/complaints"): Scope.WRITE,
    ("POST", "/api/v1/workloads/{slug}/review-requests"): Scope.WRITE,
    ("POST", "/api/v1/workloads/{slug}/kill"): Scope.ADMIN,
    ("POST", "/api/v1/workloads/{slug}/revive"): Scope.ADMIN,
    ("POST", "/api/v1/workloads/{slug}/scans"): Scope.ADMIN,
    ("POST", "/api/v1/workloads/{slug}/reviews"): Scope.ADMIN,
    ("POST", "/api/v1/workloads/{slug}/incidents"): Scope.ADMIN,
    ("GET", "/api/v1/reviews"): Scope.ADMIN,
    ("GET", "/api/v1/marketplace"): OPEN,
    ("GET", "/api/v1/marketplace/categories"): OPEN,
    ("GET", "/api/v1/marketplace/{slug}"): OPEN,
    ("GET", "/api/v1/marketplace/{slug}/reviews"): OPEN,
    ("POST", "/api/v1/marketplace/{slug}/reviews"): Scope.WRITE,
    ("PUT", "/api/v1/marketplace/reviews/{review_id}"): Scope.WRITE,
    ("DELETE", "/api/v1/marketplace/reviews/{review_id}"): Scope.WRITE,
    ("POST", "/api/v1/marketplace/reviews/{review_id}/helpful"): Scope.WRITE,
    ("POST", "/api/v1/marketplace/reviews/{review_id}/flag"): Scope.WRITE,
    ("GET", "/api/v1/admin/marketplace/reviews"): Scope.ADMIN,
    ("POST", "/api/v1/admin/marketplace/reviews/{review_id}/remove"): Scope.ADMIN,
    ("GET", "/api/v1/marketplace/submissions"): Scope.READ,
    ("POST", "/api/v1/marketplace/submissions"): Scope.WRITE,
    ("GET", "/api/v1/marketplace/submissions/{submission_id}"): Scope.READ,
    ("PUT", "/api/v1/marketplace/submissions/{submission_id}"): Scope.WRITE,
    ("DELETE", "/api/v1/marketplace/submissions/{submission_id}"): Scope.WRITE,
    ("POST", "/api/v1/marketplace/submissions/{submission_id}/submit"): Scope.WRITE,
    ("GET", "/api/v1/admin/marketplace/submissions"): Scope.ADMIN,
    ("GET", "/api/v1/admin/marketplace/submissions/pending"): Scope.ADMIN,
    ("GET", "/api/v1/admin/marketplace/submissions/{submission_id}"): Scope.ADMIN,
    ("POST", "/api/v1/admin/marketplace/submissions/{submission_id}/approve"): Scope.ADMIN,
    ("POST", "/api/v1/admin/marketplace/submissions/{submission_id}/reject"): Scope.ADMIN,
    ("POST", "/api/v1/admin/marketplace/submissions/{submission_id}/suspend"): Scope.ADMIN,
    ("POST", "/api/v1/admin/marketplace/submissions/{submission_id}/scan"): Scope.ADMIN,
    ("GET", "/api/v1/admin/workloads"): Scope.ADMIN,
    ("GET", "/api/v1/admin/workloads/{workload}"): Scope.ADMIN,
    ("POST", "/api/v1/admin/workloads/{workload}/enable"): Scope.ADMIN,
    ("POST", "/api/v1/admin/workloads/{workload}/disable"): Scope.ADMIN,
    ("POST", "/api/v1/publishers/{account_id}/tier"): Scope.ADMIN,
    **{
        (method, f"{base}{path}"): scope
        for base in ("/api/v1", "/v1")
        for method, path, scope in (
            ("POST", "/chat/completions", Scope.WRITE),
            ("GET", "/models", Scope.READ),
            ("GET", "/models/{model}", Scope.READ),
            ("POST", "/embeddings", Scope.WRITE),
            ("POST", "/images/generations", Scope.WRITE),
        )
    },
}
IN_PATHS: Final = {
    "{job_id}": "00000000-0000-0000-0000-000000000000",
    "{digest}": f"sha256:{'0' * 64}",
    "{slug}": "nothing",
    "{account_id}": "nobody",
    "{island_id}": "island-nobody",
    "{key}": "nobody00",
    "{session}": "nobody000000",
    "{review_id}": "999999999",
    "{submission_id}": "00000000-0000-0000-0000-000000000000",
    "{workflow_id}": "00000000-0000-0000-0000-000000000000",
    "{workload}": "nothing",
    "{model}": "nothing",
}
KEYED: Final = [(method, path, scope) for (method, path), scope in ROUTES.items() if scope is not OPEN]


async def call(network: Network, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    for name, value in IN_PATHS.items():
        path = path.replace(name, value)
    url = f"http://{network.address}{path}"
    content = b'{"scopes":"write"}' if method in {"PATCH", "POST", "PUT"} else None
    type_ = {"Content-Type": "application/json"}
    return await network.http.request(method, url, headers={**type_, **headers}, content=content)


async def test_the_table_names_every_route(network: Network) -> None:
    paths = network.app_with().openapi()["paths"]
    served = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert served == set(ROUTES)


@pytest.mark.parametrize(("method", "path", "needed"), KEYED)
async def test_a_route_needs_its_scope_and_no_other(
    network: Network, method: str, path: str, needed: Scope
) -> None:
    person = await network.person(funds=0, scopes=(needed,))
    others = tuple(scope for scope in Scope if scope is not needed)
    other = await network.key_for(person.account_id, scopes=others)
    without_key = await call(network, method, path, {})
    without_scope = await call(network, method, path, other.headers)
    with_scope = await call(network, method, path, person.headers)
    assert (without_key.status_code, without_key.json()["error"]["code"]) == (401, "unauthenticated")
    assert without_key.headers["WWW-Authenticate"] == "Bearer"
    assert (without_scope.status_code, without_scope.json()["error"]["code"]) == (403, "forbidden")
    assert str(needed) in without_scope.json()["message"]
    assert with_scope.status_code not in {401, 403, 500}


@pytest.mark.parametrize(
    ("method", "path"), [(method, path) for (method, path), scope in ROUTES.items() if scope is OPEN]
)
async def test_an_open_route_needs_no_key(network: Network, method: str, path: str) -> None:
    assert (await call(network, method, path, {})).status_code in {200, 404, 422}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Basic dXNlcjpwYXNz",
        "Bearer ak_short",
        f"Bearer ak_{'x' * 40}",
        f"Bearer ak_{'x' * 400}",
        f"Bearer ak_{'ä' * 40}".encode().decode("latin-1"),
    ],
)
async def test_what_is_no_valid_key_is_unauthenticated(network: Network, header: str) -> None:
    answer = await network.http.get("/account", headers={b"Authorization": header.encode("latin-1")})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")


async def test_a_revoked_key_is_refused_at_once(network: Network) -> None:
    person = await network.person()
    issued = await network.http.post("/api-keys", json={"name": "second"}, headers=person.headers)
    key = issued.json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    assert (await network.http.get("/account", headers=headers)).status_code == 200
    number = issued.json()["api_key"]["id"]
    revoked = await network.http.delete(f"/api-keys/{number}", headers=person.headers)
    assert (revoked.status_code, revoked.json()["message"]) == (200, "the key is revoked")
    assert (await network.http.get("/account", headers=headers)).status_code == 401


async def test_a_key_is_shown_once_and_listed_without_its_secret(network: Network) -> None:
    person = await network.person()
    request = {"name": "laptop", "scopes": "read"}
    issued = (await network.http.post("/api-keys", json=request, headers=person.headers)).json()
    listed = (await network.http.get("/api-keys", headers=person.headers)).json()
    row = listed["api_keys"][0]
    assert (row["name"], row["scopes"], row["key_prefix"]) == ("laptop", "read", issued["key"][:11])
    assert (row["data"]["id"], row["data"]["prefix"]) == (str(row["id"]), row["key_prefix"])
    assert (listed["count"], listed["data"][0]) == (2, row["data"])
    assert issued["key"][11:] not in str(listed)
    assert "sha256" not in str(listed)


async def test_a_key_gives_no_scope_that_it_lacks(network: Network) -> None:
    person = await network.person()
    answer = await network.http.post("/api-keys", json={"scopes": "read,admin"}, headers=person.headers)
    assert (answer.status_code, answer.json()["message"]) == (403, "scopes: this key has no admin to give")


@pytest.mark.parametrize("scopes", ["", "root", "read,,write", 7])
async def test_unknown_scopes_are_named(network: Network, scopes: Any) -> None:
    person, _ = await network.somebody()
    answer = await network.http.post("/api-keys", json={"scopes": scopes}, headers=person.headers)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["scopes"])


@pytest.mark.parametrize("name", ["", "x" * 101, "a\x00b", "a\nb", "\x1b[31m"])
async def test_a_name_has_1_to_100_plain_characters(network: Network, name: str) -> None:
    person, _ = await network.somebody()
    answer = await network.http.post("/api-keys", json={"name": name}, headers=person.headers)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["name"])


async def test_an_idempotency_key_makes_one_api_key(network: Network) -> None:
    person = await network.person()
    headers = person.headers | {"Idempotency-Key": "k"}
    first = await network.http.post("/api-keys", json={}, headers=headers)
    again = await network.http.post("/api-keys", json={}, headers=headers)
    assert (first.status_code, again.status_code, again.json()["error"]["code"]) == (201, 409, "conflict")


async def test_a_foreign_key_cannot_be_revoked(network: Network) -> None:
    person, stranger = await network.person(), await network.person()
    answer = await network.http.delete(f"/api-keys/{person.key_id}", headers=stranger.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert (await network.http.get("/account", headers=person.headers)).status_code == 200


async def in_process(network: Network, **settings: Any) -> httpx.AsyncClient:
    """A client of another face of the network, with its own allowances."""
    transport = httpx.ASGITransport(network.app_with(**settings))
    return httpx.AsyncClient(transport=transport, base_url=f"http://test{BASE}")


async def test_requests_are_counted_for_each_key_and_job_reads_apart(network: Network) -> None:
    person, stranger = await network.person(), await network.person()
    async with await in_process(network, requests_per_minute=2, job_reads_per_minute=3) as http:
        left = [await http.get("/account", headers=person.headers) for _ in range(2)]
        refused = await http.get("/account", headers=person.headers)
        reads = [await http.get("/jobs", headers=person.headers) for _ in range(4)]
        other = await http.get("/account", headers=stranger.headers)
    assert [answer.headers["X-RateLimit-Remaining"] for answer in left] == ["1", "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in left} == {"2"}
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert int(refused.headers["X-RateLimit-Reset"]) > 1_700_000_000
    assert [answer.status_code for answer in reads] == [200, 200, 200, 429]
    assert other.status_code == 200


async def test_requests_without_a_valid_key_are_counted_by_address(network: Network) -> None:
    async with await in_process(network, anonymous_per_minute=2) as http:
        wrong = {"Authorization": f"Bearer ak_{'x' * 40}"}
        answers = [await http.get("/account", headers=wrong) for _ in range(3)]
        health = await http.get("/network/stats")
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert health.status_code == 429


async def test_a_window_ends_after_a_minute() -> None:
    now_ms = 0
    rates = RateLimits(lambda: now_ms)
    assert [rates.count("a", 1).is_exceeded for _ in range(2)] == [False, True]
    now_ms = 59_001
    allowance = rates.count("a", 1)
    assert (allowance.is_exceeded, allowance.retry_after_s, allowance.resets_at_s) == (True, 1, 60)
    now_ms = 60_000
    assert not rates.count("a", 1).is_exceeded


async def test_the_memory_of_windows_is_bounded() -> None:
    rates = RateLimits(lambda: 0)
    for number in range(WINDOWS_MAX + 5):
        rates.count(str(number), 1)
    assert len(rates._windows) == WINDOWS_MAX
    assert rates.count(str(WINDOWS_MAX + 4), 1).is_exceeded
    assert not rates.count("0", 1).is_exceeded
