"""Two accounts and every route: what belongs to the one does not exist for the other, and nobody writes for somebody.

The classes below name every route that takes an id; a new route has to be put into one of them.
"""

from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from adapters import clock
from api.session_text import new_session_text
from domain.api_key import Scope
from domain.ids import CargoSlug, IslandId, JobId
from domain.session import SESSION, OpenSession
from tests.api.network import Network, Person
from tests.api.test_keys import OPEN, ROUTES
from tests.api.test_proofs import Signer

pytestmark = pytest.mark.asyncio(loop_scope="module")

MARK: Final = "private-0e1b"
ALL_BUT_ADMIN: Final = tuple(scope for scope in Scope if scope is not Scope.ADMIN)

EVERYBODYS: Final = ("{slug}", "{digest}", "{model}")
"""Ids of cargos, modules and models: whoever has a key may name them."""
SHARED: Final = {
    ("POST", "/api/v1/marketplace/reviews/{review_id}/helpful"),
    ("POST", "/api/v1/marketplace/reviews/{review_id}/flag"),
}
"""Others are asked for these."""
NOT_BUILT: Final = ("{test_id}", "{workflow_id}")
SUBMISSION: Final = {
    "name": f"{MARK} hash",
    "slug": "private-hash",
    "tagline": "Digests",
    "category": "data",
    "wasm_hash": "0" * 64,
    "price_per_job": "1.0",
}
BODIES: Final[dict[tuple[str, str], Any]] = {
    ("PUT", "/api/v1/marketplace/submissions/{submission_id}"): {"submission": SUBMISSION},
    ("PATCH", "/api/v1/webhooks/{webhook_id}"): {"active": False},
    ("POST", "/api/v1/webhooks/{webhook_id}/replay"): {"from_position": 1},
    ("PATCH", "/api/v1/hosts/{island_id}"): {"name": "taken over"},
    ("PUT", "/api/v1/marketplace/reviews/{review_id}"): {"review": {"rating": 1}},
}
"""A right body for each route that needs one, so that nothing but the owner can be what is wrong."""

OWNED: Final = [
    (method, path)
    for (method, path), scope in ROUTES.items()
    if "{" in path
    and scope not in {OPEN, Scope.ADMIN}
    and (method, path) not in SHARED
    and not any(name in path for name in (*EVERYBODYS, *NOT_BUILT))
]
LISTS: Final = [
    path
    for (method, path), scope in ROUTES.items()
    if method == "GET" and "{" not in path and scope is not Scope.ADMIN
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """What one person has: `ids` by the name they have in paths, and the numbers that stand for some of them."""

    owner: Person
    slug: CargoSlug
    ids: dict[str, str]

    def path(self, template: str) -> str:
        for name, value in self.ids.items():
            template = template.replace(name, value)
        assert "{" not in template, f"{template}: say in Belongings whose it is"
        return template


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def belongings(network: Network) -> Belongings:
    """Somebody with a batch, a finished job, an island, keys, a saved bid, a review, a submission and a workflow."""
    owner = await network.person(scopes=ALL_BUT_ADMIN)
    slug = await network.cargo()
    island_id = await network.island(owner.account_id)
    await call(network, owner, "PATCH", f"/hosts/{island_id}", {"name": f"{MARK} island"})
    job_id = await finished_job(network, owner, slug, island_id)
    review = {"review": {"rating": 5, "title": "Fine", "comment": "Good"}}
    written = await call(network, owner, "POST", f"/marketplace/{slug}/reviews", review)
    await call(network, owner, "POST", "/api-keys", {"name": f"{MARK} key"})
    await call(network, owner, "POST", "/market/bids", {"workload": slug, "bid_price": "3.0"})
    inputs = [{"text": f"{MARK} {number}"} for number in range(2)]
    batch = await call(network, owner, "POST", "/jobs/batch", {"workload": slug, "inputs": inputs})
    hook = {"url": f"https://1.1.1.1/{MARK}", "events": ["job"]}
    webhook = await call(network, owner, "POST", "/webhooks", hook)
    drafted = await call(network, owner, "POST", "/marketplace/submissions", {"submission": SUBMISSION})
    step = {"key": "one", "workload": slug, "input": {"text": MARK}}
    workflow = {"name": f"{MARK} workflow", "definition": {"steps": [step]}}
    working = await call(network, owner, "POST", "/workflows", workflow)
    ids = {
        "{job_id}/batch-status": f"{batch['id']}/batch-status",
        "{job_id}": job_id,
        "{island_id}": island_id,
        "{key}": owner.key_id,
        "{session}": await session_of(network, owner),
        "{review_id}": str(written["id"]),
        "{webhook_id}": webhook["id"],
        "{submission_id}": drafted["id"],
        "{workflow_id}": working["id"],
    }
    await Signer(network).signed()  # A case file needs a checkpoint over it.
    return Belongings(owner=owner, slug=slug, ids=ids)


async def session_of(network: Network, owner: Person) -> str:
    """One that somebody is signed in by."""
    text = new_session_text()
    opened = OpenSession(
        session_id=text.session_id,
        account_id=owner.account_id,
        name=f"{MARK} session",
        secret_sha256=text.sha256,
        now_ms=clock.now_ms(),
    )
    await network.command(SESSION, text.session_id, opened)
    return text.session_id


async def finished_job(network: Network, owner: Person, slug: CargoSlug, island_id: IslandId) -> JobId:
    job_id = await network.job(owner, slug, input={"text": f"{MARK} input"})
    await network.assign(job_id, island_id)
    await network.start(job_id, island_id)
    await network.say(job_id, island_id, f"{MARK} output", seq=1)
    await network.say(job_id, island_id, "", seq=2, last=True)
    await network.succeed(job_id, island_id)
    return job_id


async def call(network: Network, person: Person, method: str, path: str, body: Any) -> dict[str, Any]:
    answer = await network.http.request(method, path, json=body, headers=person.headers)
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ask(network: Network, person: Person, method: str, path: str, body: Any = None) -> httpx.Response:
    return await network.http.request(
        method, f"http://{network.address}{path}", json=body, headers=person.headers
    )


@pytest.mark.parametrize(("method", "path"), OWNED)
async def test_what_belongs_to_somebody_else_does_not_exist(
    network: Network, belongings: Belongings, method: str, path: str
) -> None:
    stranger = await network.person(scopes=ALL_BUT_ADMIN)
    body = BODIES.get((method, path))
    foreign = await ask(network, stranger, method, belongings.path(path), body)
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (404, "not_found")
    assert MARK not in foreign.text


@pytest.mark.parametrize("path", [path for method, path in OWNED if method == "GET"])
async def test_its_owner_finds_it(network: Network, belongings: Belongings, path: str) -> None:
    """Otherwise the 404 of a stranger would prove nothing."""
    assert (await ask(network, belongings.owner, "GET", belongings.path(path))).status_code == 200


@pytest.mark.parametrize("path", LISTS)
async def test_no_list_shows_what_somebody_else_has(
    network: Network, belongings: Belongings, path: str
) -> None:
    stranger = await network.person(scopes=ALL_BUT_ADMIN)
    answer = await ask(network, stranger, "GET", path)
    assert MARK not in answer.text
    assert belongings.owner.account_id not in answer.text.replace(stranger.account_id, "")
    private = [belongings.ids[name] for name in ("{job_id}", "{island_id}", "{key}")]
    assert [one for one in private if one in answer.text] == []


@pytest.mark.parametrize(
    "path", ["/jobs", "/hosts", "/api-keys", "/market/bids", "/ledger/entries", "/marketplace/submissions"]
)
async def test_its_owner_finds_it_in_the_list(network: Network, belongings: Belongings, path: str) -> None:
    answer = await ask(network, belongings.owner, "GET", f"/api/v1{path}")
    known = [MARK, belongings.slug, *belongings.ids.values()]
    assert any(one in answer.text for one in known)


async def test_somebody_else_s_job_is_said_to_be_missing_as_one_that_never_was(
    network: Network, belongings: Belongings
) -> None:
    stranger = await network.person(scopes=ALL_BUT_ADMIN)
    told = []
    for job_id in (belongings.ids["{job_id}"], "00000000-0000-0000-0000-000000000000"):
        answer = await ask(network, stranger, "GET", f"/api/v1/jobs/{job_id}")
        told.append(answer.text.replace(job_id, "").replace(answer.headers["X-Request-Id"], ""))
    assert told[0] == told[1]


OURS_TO_DECIDE: Final = {
    "account_id",
    "balance",
    "charged",
    "credits",
    "escrow",
    "held",
    "is_admin",
    "karma",
    "owner",
    "owner_id",
    "publisher_id",
    "role",
    "standing",
    "state",
    "tier_granted",
    "user_id",
}
"""Fields that no request of a customer may set."""
NAMED_BY_OPERATORS: Final = "/admin/"


async def test_no_request_has_a_field_that_is_ours_to_decide(network: Network) -> None:
    document = network.app.openapi()
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            fields = document["components"]["schemas"].get(name, {}).get("properties", {})
            if NAMED_BY_OPERATORS not in path:
                found += [(method, path, field) for field in OURS_TO_DECIDE & fields.keys()]
    assert found == []


STOWED: Final = {
    "account_id": "account-1",
    "owner_id": "account-1",
    "id": "00000000-0000-0000-0000-000000000001",
    "state": "succeeded",
    "status": "completed",
    "credits": 1_000_000,
    "balance": 1_000_000,
    "karma": 1_000,
    "role": "admin",
    "is_admin": True,
    "charged": "0.0",
}
"""What somebody may try to smuggle along."""


async def test_fields_smuggled_into_a_job_change_nothing(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    body = {"workload": slug, "input": {"text": "hi"}, **STOWED}
    answer = await network.http.post("/jobs", json=body, headers=person.headers)
    if answer.status_code == httpx.codes.CREATED:
        job = await network.services.reads.job(JobId(answer.json()["id"]))
        assert job is not None
        assert (job.account_id, job.job_id == STOWED["id"]) == (person.account_id, False)
        assert answer.json()["state"] == "submitted"
    else:
        assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    account = (await network.http.get("/account", headers=person.headers)).json()
    assert (account["role"], float(account["credits"]) <= 100) == ("user", True)


async def test_fields_smuggled_into_a_key_give_no_more(network: Network) -> None:
    person = await network.person()
    body = {"name": "mine", **STOWED}
    answer = await network.http.post("/api-keys", json=body, headers=person.headers)
    if answer.status_code == httpx.codes.CREATED:
        headers = {"Authorization": f"Bearer {answer.json()['key']}"}
        account = (await network.http.get("/account", headers=headers)).json()
        assert (account["account_id"], account["role"]) == (person.account_id, "user")
    else:
        assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_fields_smuggled_into_a_name_change_nothing_else(network: Network) -> None:
    person = await network.person(scopes=ALL_BUT_ADMIN)
    island_id = await network.island(person.account_id)
    before = (await network.http.get(f"/hosts/{island_id}", headers=person.headers)).json()
    await network.http.patch(f"/hosts/{island_id}", json={"name": "new", **STOWED}, headers=person.headers)
    after = (await network.http.get(f"/hosts/{island_id}", headers=person.headers)).json()
    for field in ("karma", "status", "standing", "asking_prices"):
        assert after.get(field) == before.get(field)
