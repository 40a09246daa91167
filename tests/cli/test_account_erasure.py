"""Forgetting somebody on a network that really runs, and then looking for them in every file it has."""

from pathlib import Path

from tests.cli.commands import Up, comes_true
from tests.cli.test_sign_in import signed_in

EXPIRING = ("JOBS", "JOB_OUTPUT")
"""Streams that hold what islands are sent and what they print, and lose it by age: docs/privacy.md."""


def test_an_account_that_is_erased_is_in_no_file_any_more(network: Up) -> None:
    assert signed_in(network, "quokka@example.org")[0] == 0
    found = network.typed("account", "--json").json
    assert found["email"] == "quokka@example.org"
    account_id = found["account_id"]

    seen = network.typed("account", "erase", account_id)
    assert seen.out.endswith(f"To erase it for good: archipelago account erase {account_id} --yes\n")
    assert network.typed("account", "--json").json["email"] == "quokka@example.org"

    erased = network.typed("account", "erase", account_id, "--yes")
    assert (erased.code, erased.out.split(":")[0]) == (0, f"{account_id} is erased")
    assert comes_true(lambda: network.typed("account").code == 1)
    network.typed("sign-out")
    operator = ("--key", network.key, "--json")
    assert comes_true(
        lambda: network.typed("account", "erase", account_id, *operator).json["name"] == "[erased]"
    )
    assert files_with(network.root, account_id.encode()) != []
    assert files_with(network.root, b"quokka") == []
    assert network.typed("audit", "check").code == 0


def test_the_account_of_this_machine_is_not_erased(network: Up) -> None:
    refused = network.typed("account", "erase", "local", "--yes")
    assert refused.code == 1
    assert "this account is the network's own" in refused.err


def files_with(root: Path, content: bytes) -> list[Path]:
    """Every file below the data directory that holds it: stores of both servers, logs, keys."""
    files = [path for path in root.rglob("*") if path.is_file() and not set(path.parts) & set(EXPIRING)]
    postgres = (root / "postgres").resolve()
    files += [path for path in postgres.rglob("*") if path.is_file()]
    assert len(files) > 100
    return [path for path in files if content in bytes_of(path)]


def bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
