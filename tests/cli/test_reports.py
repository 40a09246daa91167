"""`archipelago report …` beside a network that runs: what it says is what the account says, and it verifies."""

import csv
import io
import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters import clock
from tests.cli.commands import Up, comes_true, typed

MONTH = datetime.fromtimestamp(clock.now_ms() / 1000, UTC).strftime("%Y-%m")


@pytest.fixture(scope="module", autouse=True)
def island(network: Up) -> str:
    """The island that ran two jobs, which are charged."""
    words = ("job", "submit", "wasm-hash", "--input", '{"text":"billed"}', "--follow", "--json")
    jobs = [network.typed(*words).json for _ in range(2)]
    assert comes_true(lambda: all(is_settled(network, job["id"]) for job in jobs))
    return str(jobs[0]["host_id"])


def entries(network: Up) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = network.typed("account", "--entries", "100", "--json").json["entries"]
    return found


def is_settled(network: Up, job_id: str) -> bool:
    return any(one["kind"] == "settled" and one.get("job_id") == job_id for one in entries(network))


def test_an_invoice_adds_up_to_what_left_the_account(network: Up) -> None:
    facts = json.loads(invoice(network, "json"))
    moved: Counter[str] = Counter()
    newest = entries(network)
    cut_off = min(one["position"] for one in newest)  # The list may begin in the midst of a transaction.
    for one in newest:
        is_own = one["kind"] == "settled" and one["account"] in {"free", "held"}
        if is_own and one["position"] > cut_off:
            moved[one["job_id"]] -= int(Decimal(one["amount"]) * 1_000_000)
    charges = facts["charges"]
    charged = {one["job_id"]: one["charged_micro"] for one in charges}
    assert len(moved) > 1  # The newest ones; the network has run jobs of other tests, too.
    assert {job: charged[job] for job in moved} == moved
    assert -facts["figures"]["charged_micro"] == sum(charged.values())
    rows = list(csv.DictReader(io.StringIO(invoice(network, "csv"))))
    assert [row["job_id"] for row in rows[:-1]] == [one["job_id"] for one in charges]


def invoice(network: Up, form: str) -> str:
    return network.typed("report", "invoice", "local", MONTH, "--format", form).out


def test_every_report_is_written_to_a_file_in_every_form(network: Up, island: str, tmp_path: Path) -> None:
    asked = {
        "invoice": ("invoice", "local", MONTH),
        "statement": ("statement", island),
        "owner": ("statement", "local", MONTH),
        "usage": ("usage",),
        "audit": ("audit", "--from", f"{MONTH}-01"),
    }
    for name, words in asked.items():
        for form in ("text", "json", "csv", "html", "pdf"):
            file = tmp_path / f"{name}.{form}"
            said = network.typed("report", *words, "--format", form, "--output", file)
            assert (said.code, said.out) == (0, ""), said.err
            assert str(file) in said.err
            assert file.stat().st_size > 100


def test_a_report_of_an_exported_file_is_that_of_the_network_and_verifies_with_nothing_running(
    network: Up, tmp_path: Path
) -> None:
    export, file = tmp_path / "log.gz", tmp_path / "invoice.json"
    assert network.typed("audit", "export", export).code == 0
    made = typed("report", "invoice", "local", MONTH, "--format", "json", "--offline", export)
    file.write_text(made.out)
    position = json.loads(made.out)["positions"]["through"]
    beside = network.typed("report", "invoice", "local", MONTH, "--format", "json", "--at", position)
    assert beside.out == made.out
    verified = typed("report", "verify", file, "--offline", export)
    assert (verified.code, "true" in verified.out) == (0, True), verified.err
    file.write_text(made.out.replace('"charged_micro": ', '"charged_micro": 1', 1))
    assert typed("report", "verify", file, "--offline", export).code == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("invoice", "local", "2026-13"), "error: YYYY-MM: must be a month as 2026-11"),
        (("invoice", "local", "2999-01"), "error: YYYY-MM: this month has not begun"),
        (("invoice", "nobody", MONTH), "error: the log knows nothing of nobody"),
        (("invoice", "a b", MONTH), "error: ACCOUNT: must be an id of at most 64 letters"),
        (("usage", "--format", "doc"), "error: --format: must be one of text, json, csv, html, pdf"),
        (("audit", "--from", "soon"), "error: --from: must be a time"),
        (("audit", "--from", "2026-02-01", "--to", "2026-01-01"), "error: --to: must be later than --from"),
        (("usage", "--at", "soon"), "error: --at: must be a position"),
        (("usage", "--output", "/nowhere/at/all"), "error: --output: /nowhere/at/all: No such file"),
    ],
)
def test_what_cannot_be_made_is_said_with_its_option(network: Up, words: tuple[str, ...], told: str) -> None:
    said = network.typed("report", *words)
    assert said.code != 0
    assert said.err.startswith(told), said.err
