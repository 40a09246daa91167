"""The market over HTTP: who looks, who sets a price, and what a job then bids."""

from typing import Any, Final

import httpx
import pytest

from adapters import clock
from api.market_board import MarketBoard
from api.routes.market import step_ms
from domain.api_key import Scope
from domain.cargo_spec import Runtime
from domain.exchange import EXCHANGE, TakeSnapshot, figures_of
from domain.ids import CargoSlug
from domain.island import ISLAND
from domain.island_commands import RecordHeartbeat
from domain.pricing import MICRO_PER_CREDIT, PriceUnit
from tests.api.network import BASE, Network, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

CREDIT: Final = MICRO_PER_CREDIT
COMMAND_LINE: Final = {"User-Agent": "archipelagio-cli/1.0"}
LENDER: Final = (Scope.READ, Scope.WRITE, Scope.ISLANDS)


async def look(network: Network, path: str, **headers: str) -> Any:
    answer = await network.http.get(f"/market{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def trade(network: Network, slug: CargoSlug, *prices: int) -> None:
    """Jobs of this cargo were cleared at these prices in the window that has just ended."""
    now_ms = clock.now_ms()
    command = TakeSnapshot(
        slug=slug,
        window_ends_ms=now_ms - 1_000,
        after=0,
        through=1,
        figures=figures_of(prices, [], []),
        by_region={"eu-west": figures_of(prices, [], [])},
        now_ms=now_ms,
    )
    await network.command(EXCHANGE, slug, command)


async def bid_of(network: Network, person: Person, slug: CargoSlug, **fields: Any) -> tuple[str, str]:
    body = {"workload": slug, "input": {"text": "hi"}, **fields}
    answer = await network.http.post("/jobs", json=body, headers=person.headers)
    assert answer.status_code == 201, answer.text
    job = answer.json()
    return job["bid_price"], job["bid_source"]


async def test_a_cargo_that_was_never_traded_shows_its_default_price(network: Network) -> None:
    slug = await network.cargo()
    rate = (await look(network, f"/rates/{slug}"))["data"]
    assert (rate["jobs_cleared"], rate["default_price"], "snapshot_at" in rate) == (0, "4.0", False)
    assert (await look(network, f"/suggestions?workload={slug}"))["rate"] == "4.0"
    assert (await look(network, f"/history/{slug}"))["data"] == []


async def test_rates_are_shown_as_each_client_reads_them(network: Network) -> None:
    slug = await network.cargo()
    await trade(network, slug, CREDIT, 2 * CREDIT, 6 * CREDIT)
    rate = (await look(network, f"/rates/{slug}"))["data"]
    assert (rate["median_clearing_price"], rate["avg_clearing_price"], rate["max_price"]) == (
        "2.0",
        "3.0",
        6.0,
    )
    assert (rate["usd_equivalent"], rate["regions"]["eu-west"]["jobs_cleared"]) == ("0.02", 3)
    [for_command_line] = (await look(network, f"/rates/{slug}", **COMMAND_LINE))["data"]
    assert for_command_line["workload_slug"] == slug
    listed = await listed_rates(network)
    assert (listed[slug]["current_rate"], listed[slug]["jobs_cleared"]) == ("2.0", 3)
    [step] = (await look(network, f"/history/{slug}?hours=1"))["data"]
    assert (step["avg_clearing_price"], step["jobs_cleared"]) == ("3.0", 3)


async def listed_rates(network: Network) -> dict[str, Any]:
    """The list of all rates as a coordinator shows it that has just started."""
    transport = httpx.ASGITransport(network.app_with())
    async with httpx.AsyncClient(transport=transport, base_url=f"http://a{BASE}") as http:
        answer = (await http.get("/market/rates")).json()
    return {row["workload_slug"]: row for row in answer["data"]}


async def test_a_bid_is_one_s_own_else_the_saved_one_else_the_market_s_else_the_default(
    network: Network,
) -> None:
    person, slug = await network.person(), await network.cargo()
    assert await bid_of(network, person, slug) == ("4.0", "default_price")
    await trade(network, slug, 3 * CREDIT)
    assert await bid_of(network, person, slug) == ("3.0", "market_rate")
    saved = {"workload": slug, "bid_price": "2.5"}
    answer = await network.http.post("/market/bids", json=saved, headers=person.headers)
    assert (answer.status_code, answer.json()["bid_price"]) == (200, "2.5")
    assert await bid_of(network, person, slug) == ("2.5", "saved")
    assert await bid_of(network, person, slug, bid_price="7") == ("7.0", "own")
    forgotten = await network.http.post(
        "/market/bids", json={"workload": slug, "bid_price": None}, headers=person.headers
    )
    assert forgotten.status_code == 200
    assert (await network.http.get("/market/bids", headers=person.headers)).json()["bids"] == []
    assert await bid_of(network, person, slug) == ("3.0", "market_rate")


async def test_a_repeated_request_finds_its_job_though_the_rate_has_moved(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    body = {"workload": slug, "input": {"text": "hi"}}
    headers = person.headers | {"Idempotency-Key": "the-same"}
    first = (await network.http.post("/jobs", json=body, headers=headers)).json()
    await trade(network, slug, CREDIT)
    again = (await network.http.post("/jobs", json=body, headers=headers)).json()
    assert (again["id"], again["bid_price"]) == (first["id"], "4.0")


async def test_a_metered_cargo_is_bid_for_by_the_unit_and_holds_a_whole_run(network: Network) -> None:
    person = await network.person(funds=1_000)
    slug = await network.cargo(spec={"price_unit": PriceUnit.SECOND})
    body = {"workload": slug, "input": {"text": "hi"}}
    plain = (await network.http.post("/jobs", json=body, headers=person.headers)).json()
    assert (plain["bid_price"], plain["unit_price"], plain["price_unit"]) == ("240.0", "4.0", "second")
    named = body | {"unit_price": "0.5", "bid_price": "3"}
    own = (await network.http.post("/jobs", json=named, headers=person.headers)).json()
    assert (own["bid_price"], own["unit_price"], own["bid_source"]) == ("3.0", "0.5", "own")
    book = await look(network, f"/book/{slug}")
    assert book["bids"] == [{"price": "4.0", "jobs": 1}, {"price": "0.5", "jobs": 1}]


async def test_an_owner_sets_an_ask_that_the_next_heartbeat_does_not_undo(network: Network) -> None:
    person = await network.person(scopes=LENDER)
    slug, island_id = await network.cargo(), await network.island(person.account_id)
    body = {"host_id": island_id, "workload_slug": slug, "asking_price": "1.25"}
    answer = await network.http.post("/market/asking-prices", json=body, headers=person.headers)
    assert answer.status_code == 200, answer.text
    told = answer.json()["data"]
    assert (told["asking_price"], told["active"], told["workload_id"] > 0) == ("1.25", False, True)
    beat = RecordHeartbeat(
        island_id=island_id,
        is_leaving=False,
        is_draining=False,
        asks_micro={"_default": CREDIT},
        warm_slugs=(),
        now_ms=clock.now_ms(),
    )
    await network.command(ISLAND, island_id, beat)
    assert await asks(network, person, island_id) == {"_default": "1.0", slug: "1.25"}
    book = await look(network, f"/book/{slug}")
    assert {"price": "1.25", "hosts": 1, "free_slots": 2} in book["asks"]


async def asks(network: Network, person: Person, island_id: str) -> dict[str, str]:
    host = (await network.http.get(f"/hosts/{island_id}", headers=person.headers)).json()
    found: dict[str, str] = host["asking_prices"]
    return found


async def test_nobody_else_sets_an_island_s_ask(network: Network) -> None:
    owner, stranger = await network.person(), await network.person(scopes=LENDER)
    slug, island_id = await network.cargo(), await network.island(owner.account_id)
    body = {"host_id": island_id, "workload_slug": slug, "asking_price": "1"}
    refused = await network.http.post("/market/asking-prices", json=body, headers=stranger.headers)
    without_scope = await network.http.post("/market/asking-prices", json=body, headers=owner.headers)
    assert (refused.status_code, without_scope.status_code) == (404, 403)


async def test_an_ask_names_a_cargo_that_there_is(network: Network) -> None:
    person = await network.person(scopes=LENDER)
    island_id = await network.island(person.account_id)
    body = {"host_id": island_id, "workload_slug": "no-such-cargo", "asking_price": "1"}
    refused = await network.http.post("/market/asking-prices", json=body, headers=person.headers)
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["workload_slug"])
    default = body | {"workload_slug": "_default", "asking_price": "3"}
    answer = await network.http.post("/market/asking-prices", json=default, headers=person.headers)
    assert (answer.status_code, answer.json()["data"]["workload_id"]) == (200, None)
    assert await asks(network, person, island_id) == {"_default": "3.0"}


async def test_suggestions_rise_where_jobs_wait_and_fall_for_weak_hardware(network: Network) -> None:
    person, slug = await network.person(), await network.cargo(spec={"runtime": Runtime.CONTAINER})
    await trade(network, slug, 2 * CREDIT)
    await network.job(person, slug)  # Nobody is there to take it.
    island_id = await network.island(person.account_id)
    found = await look(network, f"/suggestions?workload={slug}&host_id={island_id}")
    assert (found["rate"], found["suggested_ask"]) == ("2.0", "1.0")
    assert (found["waiting"], found["free_slots"]) == (1, 0)
    assert (found["surge"], found["suggested_bid"]) == (True, "2.625")


async def test_a_suggestion_stands_for_half_a_minute(network: Network) -> None:
    person, slug = await network.person(), await network.cargo(spec={"runtime": Runtime.CONTAINER})
    row = await network.services.reads.cargo(slug)
    assert row is not None
    now_ms = [clock.now_ms()]
    board = MarketBoard(network.services.reads, lambda: now_ms[0])
    assert not (await board.suggestion(row.cargo.spec)).bid.is_surge
    await network.job(person, slug)
    now_ms[0] += 29_999
    assert not (await board.suggestion(row.cargo.spec)).bid.is_surge
    now_ms[0] += 1
    assert (await board.suggestion(row.cargo.spec)).bid.is_surge


@pytest.mark.parametrize(
    "path", ["/rates/nothing", "/history/nothing", "/book/No", "/suggestions?workload=-"]
)
async def test_an_unknown_cargo_has_no_market(network: Network, path: str) -> None:
    assert (await network.http.get(f"/market{path}")).status_code == 404


@pytest.mark.parametrize("hours", [0, 721])
async def test_a_history_goes_back_thirty_days(network: Network, hours: int) -> None:
    _, slug = await network.somebody()
    assert (await network.http.get(f"/market/history/{slug}?hours={hours}")).status_code == 422


@pytest.mark.parametrize(("hours", "steps"), [(1, 12), (24, 288), (168, 168), (720, 180)])
async def test_a_history_has_some_hundred_steps_at_most(hours: int, steps: int) -> None:
    assert hours * 3_600_000 // step_ms(hours) == steps
