"""`archipelago audit …` and `account correct`, typed against a network that runs: looked at first, then made good."""

import csv
import io

import pytest

from tests.cli.commands import Up, comes_true


@pytest.fixture(scope="module")
def job(network: Up) -> dict[str, str]:
    """A job that was paid, as the audit shows it, and the island that did it."""
    words = ("job", "submit", "wasm-hash", "--input", '{"text":"audited"}', "--follow", "--json")
    done = network.typed(*words).json
    island = done["host_id"]
    comes_true(lambda: any("settlement" in one for one in touched(network, island)))
    [found] = [one for one in touched(network, island) if one["job_id"] == done["id"]]
    return {**found, "island": island}


def touched(network: Up, island: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = network.typed("audit", "touched", "--island", island, "--json").json
    return found


def test_a_blast_radius_is_told_in_sums_and_rows_and_as_a_table_for_programs(
    network: Up, job: dict[str, str]
) -> None:
    said = network.typed("audit", "touched", "--cargo", job["artifact_digest"])
    assert "credits charged" in said.out
    assert job["job_id"] in said.out
    rows = csv.DictReader(
        io.StringIO(network.typed("audit", "touched", "--island", job["island"], "--csv").out)
    )
    assert job["job_id"] in {row["job_id"] for row in rows}


def test_a_refund_is_shown_first_then_made_once_and_comes_out_of_where_the_charge_went(
    network: Up, job: dict[str, str]
) -> None:
    words = ("audit", "refund", "--island", job["island"])
    shown = network.typed(*words)
    assert "jobs to refund" in shown.out
    assert "Nothing was done." in shown.err
    done = network.typed(*words, "--yes")
    assert done.out.startswith("refund: ")
    assert done.code == 0
    # The network's own part comes back once the fees of the settlement are collected.
    comes_true(lambda: any(float(one["refunded"]) > 0 for one in touched(network, job["island"])))
    books = network.typed("audit", "books", "--json").json
    assert (books["sum"], books["unexplained"]) == ("0.0", {})


def test_a_selection_is_needed(network: Up) -> None:
    said = network.typed("audit", "touched")
    assert said.err.startswith("error: --cargo: name an artifact")


def test_a_correction_is_made_once_and_listed_with_what_it_corrects(network: Up) -> None:
    account = network.typed("account", "--json").json
    first = account["entries"][0]
    words = ("account", "correct", account["account_id"], "--amount", "2", "--reason", "a gift was forgotten")
    named = (*words, "--original", f"{first['position']}.{first['index']}", "--idempotency-key", "gift")
    assert network.typed(*named).out.startswith("Corrected local by 2.0")
    assert network.typed(*named).out.startswith("This correction was made before")
    listed = network.typed("account", "--json").json["entries"][-1]
    assert (listed["kind"], listed["original"]) == ("corrected", f"{first['position']}.{first['index']}")
