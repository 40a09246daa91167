"""What is said before anything is asked of a network: help, wrong usage, nothing to talk to."""

import subprocess
from pathlib import Path

import pytest

from tests.cli.commands import COMMAND, start, typed


def test_nothing_typed_shows_the_commands() -> None:
    said = typed()
    assert said.code == 0
    for name in ("up", "demo", "coordinator", "island", "job", "cargo", "account", "projections"):
        assert f"\n  {name}  " in said.out


def test_help_comes_at_once_because_nothing_large_is_imported() -> None:
    names = "httpx, nats, psycopg, pydantic, psutil, rich"
    check = f"import sys, cli.main; sys.exit(' '.join(set('{names}'.split(', ')) & set(sys.modules)) or 0)"
    assert subprocess.run([COMMAND[0], "-c", check], check=False, capture_output=True, text=True).stderr == ""


@pytest.mark.parametrize(
    ("words", "error", "following"),
    [
        (("job", "get"), "Missing argument 'JOB'.", "see archipelago job get --help"),
        (("job", "odd"), "No such command 'odd'.", "see archipelago job --help"),
        (
            ("job", "list", "--limit", "many"),
            "Invalid value for '--limit'",
            "see archipelago job list --help",
        ),
        (("job", "submit", "x"), "--input: must be given", "e.g. --input"),
        (("job", "submit", "x", "--input", "[]"), "--input: must be one JSON object", "e.g. "),
        (("job", "submit", "x", "--input", "{"), "--input: must be JSON: ", ""),
        (
            ("job", "submit", "x", "--input", "{}", "--input-file", "y"),
            "--input: cannot be given together",
            "",
        ),
        (("job", "submit", "x", "--file", "/nowhere"), "--file: /nowhere: No such file or directory", ""),
        (
            ("job", "submit", "x", "--file", __file__, "--input", '{"base64":""}'),
            "--file: cannot be given",
            "",
        ),
        (("cargo", "publish", "/nowhere", "--url", "http://127.0.0.1:1"), "/nowhere: No such file", ""),
        (("job", "list"), "--url: no network runs on this machine", "start one with `archipelago up`"),
        (
            ("job", "list", "--url", "http://", "--key", "k"),
            "--url: must be https://host:port or http://host:port",
            "",
        ),
        (
            ("job", "list", "--url", "localhost:1", "--key", "k"),
            "--url: must be https://host:port or http://host:port",
            "",
        ),
        (("job", "list", "--url", "http://a", "--key", "\u00fc"), "--key: must be a key as it was shown", ""),
        (("projections", "verify"), "--nats-url: no network runs on this machine", "start one with"),
        (
            ("projections", "verify", "odd"),
            "NAME: must be one of jobs, placement, accounts, ledger, cargos",
            "",
        ),
    ],
)
def test_wrong_usage_names_the_field_the_rule_and_the_next_step(
    words: tuple[str, ...], error: str, following: str
) -> None:
    said = typed(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error: {error}")
    if following:
        assert f"\nnext: {following}" in said.err


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(190 * 1024 + 1))
    said = typed("job", "submit", "wasm-hash", "--file", file)
    assert said.err == f"error: --file: {file}: must be at most 194560 bytes\n"
    assert said.code == 2


def test_a_coordinator_that_is_not_there_is_told_with_its_address() -> None:
    said = typed("job", "list", "--url", "http://127.0.0.1:1", "--key", "ak_x")
    assert said.code == 1
    assert said.err.startswith("error: coordinator: cannot be reached at http://127.0.0.1:1 (")
    assert "\nnext: start one with `archipelago up`, or name another with --url\n" in said.err


@pytest.mark.parametrize(
    ("words", "setting"),
    [(("coordinator",), "ARCHIPELAGO_REQUESTS_PER_MINUTE"), (("island", "run"), "ARCHIPELAGO_ISLAND_SLOTS")],
)
def test_a_program_in_the_foreground_gets_its_settings_from_the_environment(
    words: tuple[str, ...], setting: str
) -> None:
    process = start(*words, **{setting: "none"})
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert setting in err
