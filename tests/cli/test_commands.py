"""The commands of a client, typed against a network that runs: what they say, and how they end."""

import hashlib
import json
import re
from pathlib import Path

import psycopg
import pytest

from projections.registry import BY_NAME
from tests.cli.commands import Up, comes_true, typed

HELLO = hashlib.sha256(b"hello").hexdigest()


@pytest.fixture(scope="module")
def job(network: Up) -> str:
    """The id of a job that hashed `hello` and was paid."""
    return str(
        network.typed("job", "submit", "wasm-hash", "--input", '{"text":"hello"}', "--follow", "--json").json[
            "id"
        ]
    )


def test_a_followed_job_puts_its_output_on_stdout_and_the_rest_on_stderr(network: Up) -> None:
    said = network.typed("job", "submit", "wasm-hash", "--input", '{"text":"hello"}', "-f")
    assert json.loads(said.out) == {"sha256": HELLO, "bytes": 5}
    assert said.err.startswith("Job ")
    assert "The job succeeded, 0.5 credits charged. Why there: archipelago job why " in said.err
    assert said.code == 0


def test_a_submitted_job_answers_with_its_id_alone(network: Up) -> None:
    said = network.typed("job", "submit", "wasm-hash", "--input", '{"text":"hello"}')
    job_id = said.out.strip()
    assert said.err == f"Submitted. Follow it with: archipelago job follow {job_id}\n"
    assert network.typed("job", "follow", job_id).out == f'{{"sha256":"{HELLO}","bytes":5}}\n'


def test_a_file_is_hashed_together_with_further_input(network: Up, tmp_path: Path) -> None:
    file = tmp_path / "bytes"
    file.write_bytes(bytes(range(256)))
    said = network.typed(
        "job", "submit", "wasm-hash", "--file", file, "--input", '{"algorithm":"md5"}', "--follow"
    )
    assert json.loads(said.out) == {"md5": hashlib.md5(bytes(range(256))).hexdigest(), "bytes": 256}


def test_the_same_idempotency_key_finds_the_same_job(network: Up) -> None:
    words = ("job", "submit", "wasm-hash", "--input", '{"text":"once"}', "--idempotency-key", "once")
    first, second = network.typed(*words), network.typed(*words)
    assert first.out == second.out
    other = network.typed(*words[:4], '{"text":"twice"}', *words[5:])
    assert other.code == 1
    assert other.err.startswith(
        "error: Idempotency-Key: used for another request\nnext: use a new --idempotency-key"
    )


def test_the_list_shows_newest_first_and_filters(network: Up, job: str) -> None:
    said = network.typed("job", "list", "--status", "succeeded")
    heading, _, *rows = said.out.splitlines()
    assert heading.split() == ["JOB", "CARGO", "STATE", "ATTEMPT", "CHARGED", "SUBMITTED"]
    assert any(row.startswith(job) and "succeeded" in row for row in rows)
    found = network.typed("job", "list", "--json", "--limit", 2).json
    assert [one["created_at"] for one in found] == sorted((one["created_at"] for one in found), reverse=True)
    assert all("data" not in one for one in found)


def test_a_job_tells_where_it_stands_and_what_it_said(network: Up, job: str) -> None:
    said = network.typed("job", "get", job).out
    assert "state      succeeded\n" in said
    assert "charged    0.5 credits\n" in said
    assert said.endswith(f'\n\n{{"sha256":"{HELLO}","bytes":5}}\n')


def test_why_shows_every_term_of_the_winner(network: Up, job: str) -> None:
    said = network.typed("job", "why", job).out
    assert ", which asked 0.5 credits, and succeeded (signed).\n" in said
    assert "It cost 0.5 credits: the island's ask." in said
    assert "SPEED     FIT   HEADROOM" in said
    assert sum(line.startswith("* ") for line in said.splitlines()) == 1
    [attempt] = network.typed("job", "why", job, "--json").json["attempts"]
    assert attempt["winner"]["island_id"] == attempt["host_id"]


def test_a_waiting_job_says_what_refuses_it_and_what_would_change_that(network: Up) -> None:
    job_id = network.typed(
        "job", "submit", "wasm-hash", "--input", '{"text":"cheap"}', "--bid", "0.1"
    ).out.strip()
    assert comes_true(lambda: "ask_above_bid" in network.typed("job", "why", job_id).out)
    said = network.typed("job", "why", job_id).out
    assert said.startswith("The job waits. No island takes it now:\n")
    assert re.search("1   ask_above_bid     [^ ]+ +submit again with a higher --bid", said)
    cancelled = network.typed("job", "cancel", job_id)
    assert cancelled.out == f"Job {job_id} is cancelled.\n"
    assert network.typed("job", "cancel", job_id).code == 0


def test_an_owner_asks_why_an_island_is_idle_and_what_its_karma_is(network: Up, job: str) -> None:
    island_id = network.typed("job", "get", job, "--json").json["host_id"]
    idle = network.typed("island", "why-idle", island_id, "--hours", 1).out
    assert " jobs were decided: it won " in idle
    karma = network.typed("karma", "explain", island_id, "--last", 100, "--json").json
    assert karma["host_id"] == island_id
    assert job in {change["job_id"] for change in karma["changes"]}
    before = network.typed("karma", "explain", island_id, "--at", 1, "--json").json
    assert before["changes"] == []
    nobody = network.typed("karma", "explain", "nobody")
    assert nobody.err.startswith("error: NAME: you have no island nobody")


def test_the_placements_of_a_network_are_made_again(network: Up, job: str) -> None:
    found = network.typed("placement", "replay", "--json").json
    assert found["decided"] >= 1
    assert (found["not_reproduced"], sum(found["different"].values())) == (0, 0)
    island_id = network.typed("job", "get", job, "--json").json["host_id"]
    without = network.typed("placement", "replay", "--without", island_id, "--json").json
    assert without["different"]["not_placed"] >= 1
    assert job in {one["job_id"] for one in without["differences"]}


def test_events_tell_the_facts_in_order_and_what_was_booked(network: Up, job: str) -> None:
    said = network.typed("job", "events", job).out
    facts = [line.split()[1] for line in said.splitlines() if " job." in line]
    assert facts[0] == "job.submitted"
    assert facts[-3:] == ["job.assigned", "job.attempt_started", "job.succeeded"]
    assert "What was booked:" in said
    booked = network.typed("job", "events", job, "--json").json["entries"]
    assert round(sum(float(entry["amount"]) for entry in booked), 6) == 0


def test_the_account_shows_what_is_free_and_what_was_booked_last(network: Up, job: str) -> None:
    said = network.typed("account", "--entries", 3).out
    assert said.startswith("account        Local account\ncredits        ")
    newest = network.typed("account", "--entries", 3, "--json").json["entries"]
    assert len(newest) == 3
    everything = network.typed("account", "--entries", 100, "--json").json["entries"]
    assert everything[-3:] == newest
    assert "entries" in network.typed("account", "--entries", 0, "--json").json


def test_cargos_and_islands_are_listed(network: Up) -> None:
    rows = [line.split() for line in network.typed("cargo", "list").out.splitlines()]
    assert ["wasm-hash", "1.0.0"] in [row[:2] for row in rows]
    islands = network.typed("island", "list", "--json").json
    [island] = [one for one in islands if one["status"] == "online"]
    assert island["id"] in network.typed("island", "list").out


def test_publishing_the_same_cargo_again_changes_nothing(network: Up) -> None:
    folder = Path(__file__).parents[2] / "cargos" / "wasm_hash"
    said = network.typed("cargo", "publish", folder / "manifest.json")
    assert said.out == (
        "Published wasm-hash 1.0.0. Run it: archipelago job submit wasm-hash --input '{…}' --follow\n"
    )
    assert network.typed("cargo", "publish", folder, "--json").json["slug"] == "wasm-hash"


@pytest.mark.parametrize("verb", ["verify", "rebuild"])
def test_projections_are_equal_to_what_the_log_says(network: Up, job: str, verb: str) -> None:
    compared = network.typed("projections", verb, "--json").json
    assert [one["name"] for one in compared] == list(BY_NAME)
    assert all(one["is_equal"] and one["events"] > 0 for one in compared)
    assert network.typed("projections", verb, "ledger").out.splitlines()[2].split()[:2] == ["ledger", "equal"]


def test_a_projection_that_lies_is_found_and_repaired(network: Up, job: str) -> None:
    dsn = json.loads((network.root / "run" / "network.json").read_text())["postgres_dsn"]
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("update jobs_v1.jobs set priority = 99 where job_id = %s", (job,))
    found = network.typed("projections", "verify", "jobs")
    assert found.code == 1
    assert "jobs         DIFFERS" in found.out
    assert network.typed("projections", "rebuild", "jobs").code == 1
    assert network.typed("projections", "verify", "jobs").code == 0


def test_a_job_that_is_kept_to_a_region_and_to_one_s_own_islands_waits_and_says_for_which(
    network: Up,
) -> None:
    submit = ("job", "submit", "wasm-hash", "--input", '{"text":"a"}', "--json")
    nowhere = network.typed(*submit, "--region", "EU,us-east").json["id"]
    own = network.typed(*submit, "--privacy-tier", "2", "--follow").json
    assert own["state"] == "succeeded"  # The island of this machine is its own account's.
    assert comes_true(lambda: "region_excluded" in network.typed("job", "why", nowhere).out)
    network.typed("job", "cancel", nowhere)


def test_the_other_machine_needs_only_address_and_key(network: Up) -> None:
    assert typed("job", "list", "--json", "--url", network.url, "--key", network.key).code == 0
    from_environment = typed(
        "cargo", "list", "--json", ARCHIPELAGO_URL=network.url, ARCHIPELAGO_KEY=network.key
    )
    assert "wasm-hash" in [cargo["slug"] for cargo in from_environment.json]


def test_the_key_of_this_machine_is_not_shown_to_another_address(network: Up) -> None:
    elsewhere = network.url.replace("127.0.0.1", "localhost")
    said = network.typed("job", "list", "--url", elsewhere)
    assert said.code == 1
    assert said.err.startswith("error: ")
    assert "or pass a key with --key or ARCHIPELAGO_KEY" in said.err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("job", "get", "nothing"), "error: no such job in this account\n"),
        (("job", "get", "../account"), "error: no such "),
        (
            ("job", "submit", "nothing", "--input", "{}"),
            "error: workload: no such cargo; see GET /api/v1/workloads or `archipelago cargo list`\n",
        ),
        (
            ("job", "submit", "wasm-hash", "--input", '{"text":"a"}', "--bid", "free"),
            "error: bid_price: must be",
        ),
        (
            ("job", "submit", "wasm-hash", "--input", '{"text":"a"}', "--bid", "99999"),
            "error: bid_price: needs",
        ),
        (
            ("job", "submit", "wasm-hash", "--input", '{"text":"a"}', "--region", "local"),
            "error: region: must name regions such as eu-west, EU or CH",
        ),
        (("job", "list", "--status", "odd"), "error: status: "),
        (("job", "list", "--key", "ak_no"), "error: the key is unknown, expired or revoked"),
    ],
)
def test_a_refusal_names_field_and_rule(network: Up, words: tuple[str, ...], error: str) -> None:
    said = network.typed(*words)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(error)
