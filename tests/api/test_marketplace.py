"""The marketplace over HTTP: what is on the shelf, what customers say of it, and who may change that."""

from typing import Any

import httpx
import pytest

from commands.process import Order
from commands.processes.rating import RATING
from domain.api_key import Scope
from domain.cargo import CARGO
from domain.cargo_commands import DisableCargo, RecordUse
from domain.cargo_spec import Listing
from domain.ids import CargoSlug
from domain.publisher import PublisherTier
from domain.reputation import Outcome
from tests.api.network import Network, Person
from tests.cargo_examples import ends

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTING = Listing(
    tagline="Digests while you wait",
    tags=("sha256", "fast"),
    icon_url="https://pictures.example/hash.png",
    readme="# Hash\n\nSends back a digest.",
    screenshots=("https://pictures.example/one.png",),
)


async def customer_of(network: Network, slug: CargoSlug, *, succeeds: bool = True) -> Person:
    """Somebody for whom the cargo has run."""
    person = await network.person()
    island_id = await network.island(person.account_id)
    if succeeds:
        await network.run(person, slug, island_id, "done")
        return person
    job_id = await network.job(person, slug)
    await network.assign(job_id, island_id)
    await network.start(job_id, island_id)
    return person


async def review(
    network: Network, person: Person, slug: str, rating: Any = 4, **texts: Any
) -> httpx.Response:
    body = {"review": {"rating": rating, **texts}}
    return await network.http.post(f"/marketplace/{slug}/reviews", json=body, headers=person.headers)


async def page_of(network: Network, slug: str) -> dict[str, Any]:
    answer = await network.http.get(f"/marketplace/{slug}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def react(network: Network, slug: str) -> None:
    """What the process `rating` does about everything that was said of a cargo, twice."""
    async for commits in network.services.log.read(after=0):
        for commit in commits:
            if commit.stream.startswith(f"review.{slug}_"):
                for event in (*commit.events, *commit.events):
                    for order in RATING.react(event, commit.recorded_at_ms):
                        assert isinstance(order, Order)
                        await network.handle(order.decider, order.aggregate_id, order.command)


async def test_a_cargo_is_on_the_shelf_with_its_listing(network: Network) -> None:
    slug = await network.cargo(listing=LISTING, spec={"category": "hashing"})
    shown = await page_of(network, slug)
    assert shown["tagline"] == "Digests while you wait"
    assert (shown["category"], shown["tags"]) == ("hashing", ["sha256", "fast"])
    assert (shown["icon_url"], shown["readme"]) == (LISTING.icon_url, LISTING.readme)
    assert (shown["screenshots"], shown["pricing"]["per_job"]) == (list(LISTING.screenshots), "4.0")
    assert (shown["average_rating"], shown["review_count"], shown["total_jobs"]) == (0.0, 0, 0)
    assert shown["data"] == {name: value for name, value in shown.items() if name != "data"}
    listed = (await network.http.get("/marketplace?limit=1")).json()
    assert (listed["count"], listed["workloads"][0]["slug"], listed["data"][0]["slug"]) == (1, slug, slug)
    assert "readme" not in listed["workloads"][0]


async def test_a_page_tells_how_the_runs_of_a_cargo_went(network: Network) -> None:
    slug = await network.cargo()
    uses = ends([Outcome.SUCCEEDED] * 3 + [Outcome.FAILED, Outcome.CANCELLED], worked_ms=200)
    used = RecordUse(slug=slug, ends=uses, publisher_tier=PublisherTier.INDIVIDUAL, now_ms=1)
    await network.command(CARGO, slug, used)
    shown = await page_of(network, slug)
    assert (shown["total_jobs"], shown["stats"]["success_rate_percent"]) == (5, 75.0)
    assert (shown["stats"]["cancelled"], shown["stats"]["average_run_ms"]) == (1, 200)


async def test_the_shelf_is_searched_by_category_and_by_words(network: Network) -> None:
    red = await network.cargo(name="Red % fox", listing=LISTING, spec={"category": "animals"})
    blue = await network.cargo(name="Blue fox", description="It swims", spec={"category": "animals"})

    async def found(**query: str) -> list[str]:
        answer = (await network.http.get("/marketplace", params=query)).json()
        assert answer["meta"]["total"] == answer["count"]
        return [row["slug"] for row in answer["workloads"]]

    assert await found(category="animals") == [blue, red]
    assert await found(search="FOX swims") == [blue]
    assert await found(search="% fox") == [red]
    assert await found(search="wait", category="animals") == [red]
    assert await found(search="fox", category="plants") == []
    categories = (await network.http.get("/marketplace/categories")).json()["categories"]
    assert {"slug": "animals", "name": "Animals"}.items() <= categories[0].items()
    assert categories[0]["workload_count"] == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"search": "x" * 101}, "search"),
        ({"search": "\x1b[2J"}, "search"),
        ({"category": "No Word"}, "category"),
    ],
)
async def test_a_search_that_cannot_match_names_the_field(
    network: Network, query: dict[str, str], field: str
) -> None:
    answer = await network.http.get("/marketplace", params=query)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])


async def test_what_is_disabled_is_not_on_the_shelf(network: Network) -> None:
    slug = await network.cargo()
    await network.command(CARGO, slug, DisableCargo(slug=slug, reason="it leaks", now_ms=1))
    assert (await network.http.get(f"/marketplace/{slug}")).status_code == 404
    listed = (await network.http.get("/marketplace?limit=100")).json()["workloads"]
    assert slug not in {row["slug"] for row in listed}


async def test_a_customer_s_review_counts_in_the_rating_at_once(network: Network) -> None:
    slug = await network.cargo()
    first, second = await customer_of(network, slug), await customer_of(network, slug, succeeds=False)
    written = await review(network, first, slug, 5, title="Fast", comment="Two lines\nof praise.")
    assert written.status_code == 201, written.text
    assert (written.json()["rating"], written.json()["verified_purchase"]) == (5, True)
    assert (written.json()["title"], written.json()["comment"]) == ("Fast", "Two lines\nof praise.")
    other = (await review(network, second, slug, 2)).json()
    assert (other["verified_purchase"], other["title"]) == (False, "")
    shown = await page_of(network, slug)
    assert (shown["average_rating"], shown["review_count"]) == (3.5, 2)
    listed = (await network.http.get(f"/marketplace/{slug}/reviews")).json()
    assert [row["id"] for row in listed["reviews"]] == [other["id"], written.json()["id"]]
    assert first.account_id not in str(listed)


async def test_a_second_review_replaces_the_first_and_a_rating_keeps_its_words(network: Network) -> None:
    slug = await network.cargo()
    person = await customer_of(network, slug)
    first = (await review(network, person, slug, 5, title="Fast")).json()
    again = (await review(network, person, slug, 3, title="Not so fast")).json()
    assert (again["id"], again["rating"], again["title"]) == (first["id"], 3, "Not so fast")
    await network.http.post(f"/workloads/{slug}/ratings", json={"stars": 1}, headers=person.headers)
    [row] = (await network.http.get(f"/marketplace/{slug}/reviews")).json()["reviews"]
    assert (row["rating"], row["title"]) == (1, "Not so fast")
    assert (await page_of(network, slug))["average_rating"] == 1.0


async def test_the_cargo_s_standing_follows_the_review_and_counts_it_once(network: Network) -> None:
    slug = await network.cargo()
    person = await customer_of(network, slug)
    number = (await review(network, person, slug, 5)).json()["id"]
    await react(network, slug)
    standing = (await network.services.handler.state(CARGO, slug)).standing
    assert (standing.reputation_milli, standing.ratings, standing.positive_ratings) == (1_050, 1, 1)
    body = {"review": {"rating": 2}}
    await network.http.put(f"/marketplace/reviews/{number}", json=body, headers=person.headers)
    deleted = await network.http.delete(f"/marketplace/reviews/{number}", headers=person.headers)
    assert deleted.json()["message"] == "the review is deleted"
    await react(network, slug)
    standing = (await network.services.handler.state(CARGO, slug)).standing
    assert (standing.reputation_milli, standing.ratings, standing.positive_ratings) == (1_000, 0, 0)
    assert (await page_of(network, slug))["review_count"] == 0
    gone = await network.http.put(f"/marketplace/reviews/{number}", json=body, headers=person.headers)
    assert gone.status_code == 404


async def test_only_customers_review_and_never_the_publisher(network: Network) -> None:
    person, slug = await network.somebody()
    refused = await review(network, person, slug)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "cargo_not_run")
    assert (await review(network, person, "nothing")).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rating": 0}, "review.rating"),
        ({"rating": "5"}, "review.rating"),
        ({}, "review.rating"),
        ({"rating": 5, "title": "x" * 121}, "review.title"),
        ({"rating": 5, "title": "\x1b[31mred"}, "review.title"),
        ({"rating": 5, "comment": "x" * 4_001}, "review.comment"),
        ({"rating": 5, "comment": "bell\x07"}, "review.comment"),
        ({"rating": 5, "verified_purchase": True}, "review.verified_purchase"),
    ],
)
async def test_a_wrong_review_names_the_field(network: Network, body: dict[str, Any], field: str) -> None:
    person, slug = await network.somebody()
    answer = await network.http.post(
        f"/marketplace/{slug}/reviews", json={"review": body}, headers=person.headers
    )
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])


async def test_a_review_is_changed_by_its_author_alone(network: Network) -> None:
    slug = await network.cargo()
    author, stranger = await customer_of(network, slug), await customer_of(network, slug)
    number = (await review(network, author, slug, 5)).json()["id"]
    body = {"review": {"rating": 1}}
    put = await network.http.put(f"/marketplace/reviews/{number}", json=body, headers=stranger.headers)
    deleted = await network.http.delete(f"/marketplace/reviews/{number}", headers=stranger.headers)
    assert (put.status_code, deleted.status_code) == (404, 404)
    assert (await page_of(network, slug))["average_rating"] == 5.0


@pytest.mark.parametrize("number", ["0", "-1", "1e3", "nothing", "9" * 19, "1;drop", "%00"])
async def test_a_tampered_number_of_a_review_is_not_found(network: Network, number: str) -> None:
    person, _ = await network.somebody()
    answer = await network.http.delete(f"/marketplace/reviews/{number}", headers=person.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_a_reader_votes_once_and_never_on_the_own_review(network: Network) -> None:
    slug = await network.cargo()
    author, reader = await customer_of(network, slug), await network.person()
    number = (await review(network, author, slug, 5)).json()["id"]
    path = f"/marketplace/reviews/{number}/helpful"
    for helpful, counted in ((True, True), (False, False)):
        said = (await network.http.post(path, json={"helpful": helpful}, headers=reader.headers)).json()
        assert (said["helpful_count"], said["not_helpful_count"], said["counted"]) == (1, 0, counted)
    own = await network.http.post(path, json={"helpful": True}, headers=author.headers)
    assert (own.status_code, own.json()["error"]["code"]) == (409, "conflict")


async def test_staff_see_what_was_flagged_and_remove_it_for_good(network: Network) -> None:
    slug = await network.cargo()
    author, reader = await customer_of(network, slug), await network.person()
    staff = await network.person(scopes=tuple(Scope))
    number = (await review(network, author, slug, 5, title="Buy mine")).json()["id"]
    path = f"/marketplace/reviews/{number}/flag"
    for _ in range(2):
        said = await network.http.post(path, json={"reason": "it advertises"}, headers=reader.headers)
        assert said.json() == {"message": "staff will look at the review"}
    flagged = (await network.http.get("/admin/marketplace/reviews", headers=staff.headers)).json()["reviews"]
    [row] = [row for row in flagged if row["id"] == number]
    assert (row["flags"], row["flag_reason"]) == (1, "it advertises")
    removal = f"/admin/marketplace/reviews/{number}/remove"
    await network.http.post(removal, json={"reason": "it advertises"}, headers=staff.headers)
    assert (await network.http.get(f"/marketplace/{slug}/reviews")).json()["reviews"] == []
    assert (await review(network, author, slug, 5)).status_code == 409
