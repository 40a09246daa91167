"""A network that signs its log: checked as it runs, checked from a file, found out where somebody changed a byte."""

import base64
import gzip
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.commands import Said, Up, comes_true, typed, up

HASH = ("job", "submit", "wasm-hash", "--input", '{"text":"signed"}', "--follow", "--json")
OTHER_KEY = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A network that signs every second, with two jobs and two checkpoints behind it."""
    root = tmp_path_factory.mktemp("signing")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ARCHIPELAGO_CHECKPOINT_WAIT_S", "1")
        with up(root, root.with_name("notices")) as network:
            for _ in range(2):
                before = size_of(network)
                assert network.typed(*HASH).json["state"] == "succeeded"
                assert comes_true(partial(is_signed_beyond, network, before))
            yield network


def is_signed_beyond(network: Up, size: int) -> bool:
    return size_of(network) > size


def checkpoint_of(network: Up) -> dict[str, Any] | None:
    answer = httpx.get(f"{network.url}/api/v1/audit/checkpoint")
    found: dict[str, Any] | None = answer.json() if answer.status_code == httpx.codes.OK else None
    return found


def size_of(network: Up) -> int:
    return int((checkpoint_of(network) or {"tree_size": 0})["tree_size"])


@pytest.fixture(scope="module")
def export(signing: Up, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("export") / "log.gz"
    assert signing.typed("audit", "export", file).code == 0
    return file


@pytest.fixture
def kept(signing: Up, tmp_path: Path) -> Path:
    file = tmp_path / "checkpoint.json"
    file.write_text(json.dumps(checkpoint_of(signing)))
    return file


def test_a_commit_is_proven_to_be_in_the_signed_log(signing: Up) -> None:
    said = signing.typed("audit", "proof", 3)
    assert (said.code, "leaf, path, root and signature" in said.out) == (0, True), said.err
    beyond = signing.typed("audit", "proof", 10_000_000)
    assert "position: the checkpoint covers" in beyond.err


def test_a_job_becomes_a_file_that_anybody_verifies(signing: Up, tmp_path: Path) -> None:
    job_id = signing.typed("job", "list", "--json").json[-1]["id"]
    file = tmp_path / "case.zip"
    assert comes_true(lambda: signing.typed("audit", "case", job_id, file).code == 0)
    with zipfile.ZipFile(file) as packed:
        packed.extractall(tmp_path / "case")
    words = (sys.executable, "-I", "-S", tmp_path / "case" / "verify.py", file)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, "signature: right" in done.stdout) == (0, True), done.stdout
    again = signing.typed("audit", "case", job_id, file)
    assert "is there already" in again.err
    wrong = signing.typed("audit", "case", job_id, tmp_path / "other.zip", "--signer", OTHER_KEY)
    assert f"not by {OTHER_KEY}" in wrong.err
    assert not (tmp_path / "other.zip").exists()


def result(said: Said, name: str) -> dict[str, Any]:
    return next(one for one in json.loads(said.out) if one["name"] == name)


def test_a_log_is_what_was_signed_of_it_and_the_key_is_the_one_that_was_named(
    signing: Up, kept: Path
) -> None:
    key = json.loads(kept.read_text())["key_id"]
    said = signing.typed("audit", "check", "--key", key, "--since", kept)
    assert said.code == 0, said.out
    unnamed = result(signing.typed("audit", "check", "--json"), "checkpoints")
    assert f"signed by {key}, name the key you know with --key" in unnamed["told"]


def test_an_export_is_checked_with_nothing_running(export: Path, kept: Path) -> None:
    key = json.loads(kept.read_text())["key_id"]
    said = typed("audit", "check", "--offline", export, "--key", key, "--since", kept)
    assert said.code == 0, said.out
    assert "checkpoints" in said.out
    assert "second fold" in said.out


def test_another_key_than_the_one_that_is_known_is_told(export: Path) -> None:
    said = typed(
        "audit",
        "check",
        "--offline",
        export,
        "--key",
        OTHER_KEY,
    )
    assert said.code == 1
    assert "not by the key you named" in said.out


def changed(export: Path, to: Path, change: Callable[[dict[str, Any]], None], position: int) -> Path:
    """The export with one commit changed, and everything that a forger can make fit made to fit."""
    header, *lines = gzip.decompress(export.read_bytes()).splitlines()
    commits = [json.loads(line) for line in lines]
    change(commits[position - 1])
    body = b"\n".join([header, *(json.dumps(one).encode() for one in commits), b""])
    to.write_bytes(gzip.compress(body))
    return to


def forge(commit: dict[str, Any]) -> None:
    body = base64.b64decode(commit["body"]).replace(b'"opened_at_ms":1', b'"opened_at_ms":2')
    commit["body"] = base64.b64encode(body).decode()
    commit["headers"]["Body-Sha256"] = sha256(body).hexdigest()


def move(commit: dict[str, Any]) -> None:
    commit["recorded_at_ms"] += 1


@pytest.mark.parametrize("change", [forge, move])
def test_a_byte_that_somebody_changed_is_found_between_two_checkpoints(
    export: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    position = 1
    said = typed(
        "audit", "check", "--json", "--offline", changed(export, tmp_path / "log.gz", change, position)
    )
    found = result(said, "checkpoints")
    assert (said.code, found["is_sound"]) == (1, False)
    assert found["findings"][0].startswith("positions 1 to ")
    assert "not what was signed" in found["findings"][0]


def test_a_log_that_was_cut_off_is_shorter_than_what_was_kept(
    export: Path, kept: Path, tmp_path: Path
) -> None:
    header, *lines = gzip.decompress(export.read_bytes()).splitlines()
    short = json.loads(header) | {"last": 5}
    body = b"\n".join([json.dumps(short).encode(), *lines[:5], b""])
    (tmp_path / "log.gz").write_bytes(gzip.compress(body))
    said = typed("audit", "check", "--offline", tmp_path / "log.gz", "--since", kept)
    assert said.code == 1
    assert "the checkpoint you kept" in said.out
    assert "here are 5" in said.out


def test_what_is_no_checkpoint_is_refused_by_name(export: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("{}")
    said = typed("audit", "check", "--offline", export, "--since", tmp_path / "kept")
    assert said.err.startswith("error: --since: ")
