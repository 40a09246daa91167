"""A cargo's way into the marketplace, typed: one person submits it, the operator decides, a customer reviews it."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.failure import CommandFailed
from cli.submission_manifest import submission_of
from tests.cli.commands import Said, Up, comes_true
from tests.cli.test_sign_in import signed_in

CARGO = Path(__file__).resolve().parents[2] / "cargos" / "wasm_hash"
MANIFEST: dict[str, Any] = json.loads((CARGO / "manifest.json").read_text("utf-8"))
LISTING = {"tagline": "Digests while you wait", "tags": ["sha256"], "readme": "# Hash \u202e\nfor everybody"}
DIGEST = MANIFEST["artifact"]["digest"]


def folder_of(path: Path, slug: str, **changes: Any) -> Path:
    """The cargo that ships, under another name."""
    manifest = {**MANIFEST, "slug": slug, "category": "hashing", "listing": LISTING, **changes}
    (path / "hash.wasm").write_bytes((CARGO / "hash.wasm").read_bytes())
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path


def as_operator(network: Up, *words: str) -> Said:
    return network.typed("marketplace", *words, "--key", network.key)


def mine(network: Up, slug: str) -> list[dict[str, Any]]:
    rows = network.typed("marketplace", "submissions", "--json").json
    return [row for row in rows if row["slug"] == slug]


def test_a_cargo_is_submitted_rejected_changed_approved_run_reviewed_and_stopped(
    network: Up, tmp_path: Path
) -> None:
    code, _, err = signed_in(network, "publisher@example.org")
    assert code == 0, err
    assert "You have submitted nothing yet." in network.typed("marketplace", "submissions").out
    listing = {**LISTING, "readme": "thin"}
    folder = folder_of(tmp_path, "hash-of-ada", listing=listing)
    said = network.typed("marketplace", "submit", folder)
    assert said.code == 0, said
    [waiting] = mine(network, "hash-of-ada")
    assert said.out.startswith(f"Submitted hash-of-ada 1.0.0 as {waiting['id']}; it waits for staff.\n")
    again = network.typed("marketplace", "submit", folder, "--json").json
    assert (again["id"], again["status"]) == (waiting["id"], "pending")
    assert network.typed("marketplace", "show", "hash-of-ada").code == 1

    assert waiting["id"] in as_operator(network, "pending").out
    refused = as_operator(network, "reject", waiting["id"], "--reason", "the readme is thin")
    assert refused.out == "hash-of-ada is rejected.\n"
    assert "the readme is thin" in network.typed("marketplace", "submissions").out
    folder_of(tmp_path, "hash-of-ada")
    assert network.typed("marketplace", "submit", folder).code == 0
    [waiting_again] = mine(network, "hash-of-ada")
    assert (waiting_again["id"], waiting_again["status"]) == (waiting["id"], "pending")

    scanned = as_operator(network, "scan", waiting["id"], "failed", "--vulnerabilities", "1")
    assert scanned.out == "Recorded: the scan failed.\n"
    assert as_operator(network, "approve", waiting["id"]).err.startswith("error: scan: the last one failed")
    as_operator(network, "scan", waiting["id"], "passed")
    approved = as_operator(network, "approve", waiting["id"])
    assert approved.out == "hash-of-ada is published: archipelago marketplace show hash-of-ada\n"
    listed = network.typed("marketplace", "list", "--category", "hashing").out
    assert "Digests while you wait" in listed
    shown = network.typed("marketplace", "show", "hash-of-ada").out
    assert "# Hash \ufffd\nfor everybody" in shown
    assert "nobody has reviewed it" in shown

    local = ("--key", network.key)
    job = network.typed("job", "submit", "hash-of-ada", "--input", '{"text":"hi"}', *local)
    assert comes_true(
        lambda: any(
            row["id"] == job.out.strip() and row["state"] == "succeeded"
            for row in network.typed("job", "list", "--json", *local).json
        )
    )
    own = network.typed("marketplace", "review", "hash-of-ada", "5")
    assert own.err.startswith("error: slug: publishers do not judge their own cargos")
    reviewed = as_operator(network, "review", "hash-of-ada", "4", "--title", "Quick")
    assert reviewed.out == "Your review of hash-of-ada is there: archipelago marketplace show hash-of-ada\n"
    assert "4.0 of 5 (1)" in network.typed("marketplace", "list", "--search", "digests wait").out
    assert ": Quick" in network.typed("marketplace", "show", "hash-of-ada").out

    stopped = as_operator(network, "suspend", waiting["id"], "--reason", "it leaks")
    assert stopped.out.startswith("hash-of-ada is stopped. To undo it: archipelago marketplace approve ")
    refused = network.typed("job", "submit", "hash-of-ada", "--input", '{"text":"hi"}', *local)
    assert refused.err.startswith("error: workload: hash-of-ada is disabled")
    assert as_operator(network, "approve", waiting["id"]).code == 0


def test_what_is_not_published_yet_can_be_withdrawn(network: Up, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "hash-withdrawn")
    waiting = network.typed("marketplace", "submit", folder, "--json").json
    said = network.typed("marketplace", "withdraw", waiting["id"])
    assert said.out == "hash-withdrawn 1.0.0 is withdrawn.\n"
    assert waiting["id"] not in as_operator(network, "pending").out


def test_what_the_coordinator_refuses_is_told(network: Up, tmp_path: Path) -> None:
    said = network.typed("marketplace", "submit", folder_of(tmp_path, "categories"))
    assert said.err.startswith("error: submission.slug: categories is a word of the marketplace's own")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"runtime": "container"}, "runtime"),
        ({"listing": {}}, "listing.tagline"),
        ({"listing": "none"}, "listing.tagline"),
        ({"category": ""}, "category"),
        ({"price_unit": "million_fuel"}, "price_unit"),
        ({"price_micro": 0.5}, "price_micro"),
    ],
)
def test_a_manifest_that_the_marketplace_cannot_take_is_named(change: dict[str, Any], field: str) -> None:
    manifest = {**MANIFEST, "listing": LISTING, **change}
    with pytest.raises(CommandFailed, match=rf"^{field}: "):
        submission_of(manifest, DIGEST)


def test_a_manifest_becomes_the_submission_of_the_same_cargo() -> None:
    fields = submission_of({**MANIFEST, "listing": LISTING}, DIGEST)
    assert fields["price_per_job"] == "0.500000"
    assert (fields["required_ram_mb"], fields["required_cpu_cores"]) == (64, 1)
    assert (fields["limits"], fields["wasm_hash"]) == (MANIFEST["limits"], DIGEST)
    assert (fields["tagline"], fields["tags"]) == ("Digests while you wait", ["sha256"])
