"""The market on a terminal: what is said of prices, and how one's own are set."""

import asyncio

import httpx
import pytest

from cli.cargo import price_text
from cli.market import show_history
from cli.sparkline import BARS, sparkline
from tests.cli.commands import Up
from tests.faults import slow_cargo


def test_a_price_is_told_with_its_unit() -> None:
    per_job = {"pricing": {"per_job": "0.5"}}
    per_fuel = {"price_unit": "million_fuel", "pricing": {"per_job": "0.0", "per_million_fuel": "0.01"}}
    assert (price_text(per_job), price_text(per_fuel)) == ("0.5 a job", "0.01 a million fuel")


def test_a_row_of_numbers_is_a_row_of_bars() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8]) == BARS
    assert sparkline([3, None, 3]) == "▅ ▅"
    assert sparkline([None, None]) == sparkline([]) == ""


def test_more_numbers_than_columns_are_gathered_by_their_mean() -> None:
    assert sparkline([0, 0, 7, 7, 14, 14], columns=3) == "▁▅█"
    assert sparkline([0, None, None, None, None, 14], columns=3) == "▁ █"


def test_a_history_is_told_with_its_lowest_and_highest_price(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [
        {"avg_price": 1.0, "min_price": 0.5, "max_price": 2.0, "jobs_cleared": 3, "snapshot_at": "12:00"},
        {"jobs_cleared": 0, "snapshot_at": "12:05"},
        {"avg_price": 3.0, "min_price": 3.0, "max_price": 3.0, "jobs_cleared": 1, "snapshot_at": "12:10"},
    ]
    show_history({"workload_slug": "wasm-hash", "since": "11:00", "data": steps})
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["price", "▁", "█", "0.5", "to", "3", "credits"],
        ["jobs", "█▁▃", "4", "in", "all"],
        ["from", "12:00"],
        ["to", "12:10"],
    ]


def test_a_cargo_that_was_not_traded_says_so(network: Up) -> None:
    async def publish() -> str:
        headers = {"Authorization": f"Bearer {network.key}"}
        async with httpx.AsyncClient(base_url=f"{network.url}/api/v1", headers=headers) as client:
            return await slow_cargo.publish(client, 59)

    slug = asyncio.run(publish())
    said = network.typed("market", "history", slug, "--hours", 1)
    assert (said.code, said.out.startswith(f"{slug} was not traded since 2")) == (0, True)


def test_the_rates_name_every_cargo_that_can_be_run(network: Up) -> None:
    rates = {row["workload_slug"]: row for row in network.typed("market", "rates", "--json").json}
    assert rates["wasm-hash"]["supply"] == 1
    assert "wasm-hash" in network.typed("market", "rates").out


def test_the_book_shows_what_the_island_asks(network: Up) -> None:
    found = network.typed("market", "book", "wasm-hash", "--json").json
    assert (len(found["asks"]), found["price_unit"]) == (1, "job")
    said = network.typed("market", "book", "wasm-hash").out
    assert "Credits a job" in said
    assert "No job waits for this cargo." in said


def test_a_suggestion_says_why(network: Up) -> None:
    said = network.typed("market", "suggest", "wasm-hash").out
    assert "0.525 credits" in said
    assert "0 jobs wait" in said


def test_a_saved_bid_is_what_the_next_job_bids_until_it_is_forgotten(network: Up) -> None:
    said = network.typed("market", "bid", "wasm-hash", "0.75")
    assert said.out == "Your jobs bid 0.75 credits for wasm-hash where they do not say.\n"
    job = network.typed("job", "submit", "wasm-hash", "--input", '{"text":"a"}', "--json").json
    assert network.typed("job", "get", job["id"], "--json").json["bid_source"] == "saved"
    said = network.typed("market", "bid", "wasm-hash", "--forget")
    assert said.out == "Your jobs bid for wasm-hash by the market again.\n"


def test_a_bid_is_either_named_or_forgotten(network: Up) -> None:
    for words in ((), ("1", "--forget")):
        said = network.typed("market", "bid", "wasm-hash", *words)
        assert (said.code, said.err.startswith("error: PRICE: ")) == (2, True)


def test_an_owner_asks_another_price(network: Up) -> None:
    islands = network.typed("island", "list", "--json").json
    [island] = [one for one in islands if one["status"] == "online"]
    said = network.typed("market", "ask", island["id"], "wasm-hash", "0.50", "--json").json
    assert (said["asking_price"], said["active"]) == ("0.5", True)
    said = network.typed("market", "ask", island["id"], "no-such-cargo", "1")
    assert (said.code, "workload_slug" in said.err) == (1, True)
