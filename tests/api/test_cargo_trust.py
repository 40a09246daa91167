"""A cargo's trust over HTTP: what customers say, what staff decide, and what the kill switch does to its jobs."""

from typing import Any

import pytest

from domain.api_key import Scope
from domain.ids import CargoSlug
from tests.api.network import Network, Person
from tests.api.test_catalogue import MANIFEST, MODULE, manifest_with, publish, upload

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIGNATURE = f"sha256:{'d' * 64}"


async def admin(network: Network) -> Person:
    return await network.person(scopes=tuple(Scope))


async def post(network: Network, person: Person, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await network.http.post(path, json=body, headers=person.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def refusal(network: Network, person: Person, path: str, body: dict[str, Any]) -> tuple[int, str]:
    answer = await network.http.post(path, json=body, headers=person.headers)
    return answer.status_code, answer.json()["error"]["code"]


async def trust(network: Network, person: Person, slug: str) -> dict[str, Any]:
    answer = await network.http.get(f"/workloads/{slug}/trust", headers=person.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def customer_of(network: Network, slug: CargoSlug) -> Person:
    """Somebody for whom the cargo has run."""
    person = await network.person()
    island_id = await network.island(person.account_id)
    job_id = await network.job(person, slug)
    await network.assign(job_id, island_id)
    await network.start(job_id, island_id)
    return person


async def test_a_new_cargo_tells_what_it_lacks_for_level_one(network: Network) -> None:
    person = await network.person()
    await upload(network, person, MODULE)
    await publish(network, person, manifest_with("newcomer"))
    shown = await trust(network, person, "newcomer")
    assert (shown["trust_level"], shown["asked_trust_level"], shown["sandbox_tier"]) == (0, 1, "restricted")
    assert (shown["reputation"], shown["band"], shown["score"]) == (1.0, "poor", 1.0)
    assert shown["missing"] == [
        "a scan of the present artifact",
        "100 jobs; 0 are counted",
        "more than 95 % success; 0 of 0 runs succeeded",
        "a verified publisher",
    ]
    assert [change["what"] for change in shown["history"]] == [
        "published 1.0.0, trust level 0; it asks for 1"
    ]


async def test_a_customer_rates_once_and_complains_once(network: Network) -> None:
    slug = await network.cargo()
    customer = await customer_of(network, slug)
    rated = await post(network, customer, f"/workloads/{slug}/ratings", {"stars": 5})
    again = await post(network, customer, f"/workloads/{slug}/ratings", {"stars": 5})
    assert (rated["counted"], again["counted"]) == (True, False)
    complaint = {"text": "it prints nonsense"}
    told = await post(network, customer, f"/workloads/{slug}/complaints", complaint)
    assert (told["counted"], told["reputation"]) == (True, 0.8)
    assert not (await post(network, customer, f"/workloads/{slug}/complaints", complaint))["counted"]
    shown = await trust(network, customer, slug)
    assert shown["history"][0]["evidence"]
    assert "nonsense" not in str(shown)


@pytest.mark.parametrize(("path", "body"), [("ratings", {"stars": 1}), ("complaints", {"text": "it is bad"})])
async def test_whoever_has_not_run_a_cargo_does_not_judge_it(
    network: Network, path: str, body: dict[str, Any]
) -> None:
    person, slug = await network.somebody()
    assert await refusal(network, person, f"/workloads/{slug}/{path}", body) == (403, "cargo_not_run")


@pytest.mark.parametrize("stars", [0, 6, "5", None])
async def test_a_rating_is_one_to_five_stars(network: Network, stars: Any) -> None:
    person, slug = await network.somebody()
    assert await refusal(network, person, f"/workloads/{slug}/ratings", {"stars": stars}) == (422, "invalid")


async def test_staff_scan_review_and_raise_a_cargo(network: Network) -> None:
    person, staff = await network.person(), await admin(network)
    await upload(network, person, MODULE)
    await publish(network, person, MANIFEST | {"slug": "reviewed", "trust_level": 2})
    await post(network, person, "/workloads/reviewed/review-requests", {})
    queue = (await network.http.get("/reviews", headers=staff.headers)).json()["reviews"]
    assert "reviewed" in {row["slug"] for row in queue}
    unsigned = {"passed": True, "note": "reads well"}
    assert await refusal(network, staff, "/workloads/reviewed/reviews", unsigned) == (422, "invalid")
    passed = await post(
        network, staff, "/workloads/reviewed/reviews", unsigned | {"signature_digest": SIGNATURE}
    )
    assert (passed["trust_level"], passed["awaits_review"]) == (2, False)
    found = await post(network, staff, "/workloads/reviewed/scans", {"scanner": "scanner 1", "high": 1})
    assert found["trust_level"] == 0
    shown = await trust(network, person, "reviewed")
    assert shown["history"][0]["what"] == "trust level 2 -> 0: findings"
    assert shown["history"][0]["evidence"][0].startswith("scan ")


async def test_only_a_publisher_asks_for_a_review_of_a_cargo(network: Network) -> None:
    person, slug = await network.somebody()
    assert (await refusal(network, person, f"/workloads/{slug}/review-requests", {}))[0] == 403


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/workloads/{}/kill", {"reason": "no"}),
        ("/workloads/{}/revive", {}),
        ("/workloads/{}/scans", {"scanner": "mine"}),
        ("/workloads/{}/reviews", {"passed": False, "note": "no"}),
        ("/workloads/{}/incidents", {"note": "no"}),
        ("/publishers/{}/tier", {"tier": "partner"}),
    ],
)
async def test_what_staff_decide_needs_the_scope_admin(
    network: Network, path: str, body: dict[str, Any]
) -> None:
    person, slug = await network.somebody()
    assert await refusal(network, person, path.format(slug), body) == (403, "forbidden")


async def test_a_killed_cargo_takes_no_job_until_it_is_revived(network: Network) -> None:
    person, staff = await network.person(), await admin(network)
    slug = await network.cargo()
    killed = await post(network, staff, f"/workloads/{slug}/kill", {"reason": "it mines"})
    assert (killed["enabled"], killed["killed"]) == (False, True)
    job = {"workload": slug, "input": {}}
    assert await refusal(network, person, "/jobs", job) == (409, "cargo_disabled")
    assert (await post(network, staff, f"/workloads/{slug}/revive", {}))["enabled"]
    assert (await network.http.post("/jobs", json=job, headers=person.headers)).status_code == 201


async def test_a_job_runs_at_the_level_that_its_cargo_has(network: Network) -> None:
    person = await network.person()
    await upload(network, person, MODULE)
    await publish(network, person, manifest_with("levelled", limits__wall_s=300))
    body = {"workload": "levelled", "input": {"text": "hi", "algorithm": "md5"}}
    answer = await network.http.post("/jobs", json=body, headers=person.headers)
    past = await network.services.log.load(f"job.{answer.json()['id']}")
    spec = past.events[0].cargo
    assert (spec.trust_level, spec.limits.wall_s) == (0, 60)


async def test_an_individual_publishes_three_cargos_and_a_verified_publisher_more(network: Network) -> None:
    person, staff = await network.person(), await admin(network)
    await upload(network, person, MODULE)
    for number in range(3):
        assert (await publish(network, person, manifest_with(f"mine-{number}"))).status_code == 201
    fourth = await publish(network, person, manifest_with("mine-3"))
    assert (fourth.status_code, fourth.json()["error"]["code"]) == (409, "cargos_exceeded")
    assert (await publish(network, person, manifest_with("mine-0", version="2.0.0"))).status_code == 201
    granted = await post(network, staff, f"/publishers/{person.account_id}/tier", {"tier": "verified"})
    assert (granted["cargos"], granted["cargos_max"]) == (3, 10)
    assert (await publish(network, person, manifest_with("mine-3"))).status_code == 201


async def test_a_name_that_somebody_else_has_is_not_counted(network: Network) -> None:
    person, other = await network.person(), await network.person()
    await upload(network, person, MODULE)
    await publish(network, other, manifest_with("theirs"))
    for _ in range(4):
        assert (await publish(network, person, manifest_with("theirs", version="3.0.0"))).status_code == 403
    for number in range(3):
        assert (await publish(network, person, manifest_with(f"own-{number}"))).status_code == 201
