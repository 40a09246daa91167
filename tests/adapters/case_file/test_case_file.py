"""A case file verifies itself wherever it is, in another process, and any byte that is changed makes it unsound."""

import base64
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import codec
from adapters.case_file.bundle import ProvenCommit, case_file, line_of
from adapters.case_file.verify import is_signed, public_of
from adapters.nats.accounts.nkey import Kind, NKey
from commands.log_tree import LogTree, proof
from commands.merkle import inclusion_spans
from commands.raw_commit import RawCommit
from domain.checkpoint import CheckpointSigned, signed_text
from domain.ids import JobId
from tests.adapters.test_codec import EXAMPLES

JOB = JobId("j-1")
KEY = NKey.derived(Kind.USER, b"a master secret", "checkpoints")
NAMES = (
    "account.opened",
    "cargo.published",
    "account.credits_held",
    "job.submitted",
    "job.assigned",
    "job.attempt_started",
    "job.succeeded",
    "account.hold_settled",
    "account.credits_earned",
    "checkpoint.signed",
)
CONCERNED = range(1, 9)


def example(name: str) -> Any:
    return next(event for event in EXAMPLES if codec.NAMES[type(event)] == name)


def recorded() -> list[RawCommit]:
    return [
        RawCommit(
            position=number,
            subject=f"evt.{name.partition('.')[0]}.{'j-1' if name.startswith('job') else 'other'}",
            headers={"Command-Id": f"c-{number}"},
            body=codec.encode([example(name)]),
            recorded_at_ms=1_800_000_000_000 + number,
        )
        for number, name in enumerate(NAMES, start=1)
    ]


def made() -> bytes:
    tree, commits = LogTree(), recorded()
    for commit in commits:
        tree.take(commit)
    tiles = tree.flushed()
    fields: dict[str, Any] = {
        "tree_size": tree.size,
        "root": tree.root().hex(),
        "chain_head": tree.chain_head.hex(),
        "ledger_position": 0,
        "ledger_digest": "",
        "signed_at_ms": 1_800_000_060_000,
    }
    checkpoint = CheckpointSigned(
        **fields, key_id=KEY.public, signature=KEY.sign(signed_text(**fields)).hex()
    )
    proven = [
        ProvenCommit(
            commit=commits[leaf],
            path=proof(inclusion_spans(leaf, tree.size), tiles),
            is_withheld=NAMES[leaf] == "account.credits_earned",
        )
        for leaf in CONCERNED
    ]
    return case_file(JOB, proven, checkpoint)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(made())) as file:
        file.extractall(tmp_path / "case")
    return tmp_path / "case"


def run(folder: Path, *words: str) -> tuple[int, str]:
    """With nothing of ours on the path, and no package either."""
    words = (sys.executable, "-I", "-S", str(folder / "verify.py"), *words)
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder.parent)
    return done.returncode, done.stdout + done.stderr


def test_a_case_file_verifies_itself_without_anything_of_ours(folder: Path) -> None:
    code, said = run(folder)
    assert code == 0, said
    assert f"signature: right, of {KEY.public} (compare it" in said
    assert "commits: 8 proven to be in the log of 10 commits" in said
    assert "bodies: 7 shown and right, 1 withheld" in said


def test_it_verifies_as_a_zip_and_with_the_key_one_knows(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "case.zip").write_bytes(made())
    code, said = run(folder, str(tmp_path / "case.zip"), "--key", KEY.public)
    assert (code, "compare it" in said) == (0, False), said


def test_another_key_than_the_known_one_is_told(folder: Path) -> None:
    other = NKey.derived(Kind.USER, b"another", "checkpoints").public
    code, said = run(folder, "--key", other)
    assert (code, said) == (1, f"NOT SOUND: checkpoint.json: signed by {KEY.public}, not by {other}\n")


def test_the_case_tells_cargo_leases_ends_and_bookings(folder: Path) -> None:
    case = json.loads((folder / "case.json").read_text())
    assert case["cargo"]["cargo"]["spec"]["artifact_digest"].startswith("sha256:")
    assert [line["event"] for line in case["leases"]] == ["job.assigned", "job.attempt_started"]
    assert case["leases"][0]["price_micro"] > 0
    assert case["ends"][0]["output"]["digest"].startswith("sha256:")
    assert [line["event"] for line in case["bookings"]] == ["account.credits_held", "account.hold_settled"]
    assert "price_rules_version" in case["bookings"][1]
    assert "input_json" not in case["submitted"]
    assert case["withheld"] == [{"position": 9, "subject": "evt.account.other"}]


def test_equal_commits_give_equal_bytes() -> None:
    assert made() == made()


def changed(file: str, change: Callable[[Any], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        content = json.loads((folder / file).read_text())
        change(content)
        (folder / file).write_text(json.dumps(content))

    return apply


def forge_body(commits: Any) -> None:
    """Bytes, events and digest agree with each other: only the tree knows better."""
    events = json.loads(base64.b64decode(commits[3]["body"]))
    events[0]["data"]["price_micro"] = 1
    forged = RawCommit(position=0, subject="", headers={}, body=json.dumps(events).encode(), recorded_at_ms=0)
    line = line_of(ProvenCommit(commit=forged, path=()))
    commits[3].update({name: line[name] for name in ("body", "body_sha256", "events")})


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (
            changed("case.json", lambda case: case["leases"][0].update(price_micro=1)),
            "case.json: is not what the commits say",
        ),
        (
            changed("commits.json", lambda commits: commits[3]["events"][0]["data"].update(price_micro=1)),
            "position 5: the events are not what the body says",
        ),
        (
            changed("commits.json", lambda commits: commits[3].update(body=commits[2]["body"])),
            "position 5: the body is not the one of its digest",
        ),
        (changed("commits.json", forge_body), "position 5: is not in the signed log as it stands here"),
        (
            changed("commits.json", lambda commits: commits[3].update(recorded_at_ms=1)),
            "position 5: is not in the signed log as it stands here",
        ),
        (
            changed("commits.json", lambda commits: commits[7].update(body_sha256="00" * 32)),
            "position 9: is not in the signed log as it stands here",
        ),
        (
            changed("commits.json", lambda commits: commits[3]["path"].pop()),
            "position 5: is not in the signed log as it stands here",
        ),
        (changed("commits.json", lambda commits: commits.pop(3)), "case.json: is not what the commits say"),
        (changed("commits.json", lambda commits: commits.clear()), "no commit is in it"),
        (changed("commits.json", lambda commits: commits[0].pop("headers")), "the file is damaged"),
        (changed("checkpoint.json", lambda one: one.update(root="00" * 32)), "the signature is wrong"),
        (changed("checkpoint.json", lambda one: one.update(tree_size=11)), "the signature is wrong"),
        (changed("checkpoint.json", lambda one: one.update(signature="00" * 64)), "the signature is wrong"),
        (changed("checkpoint.json", lambda one: one.update(key_id="UABC")), "is no key"),
    ],
)
def test_whatever_is_changed_is_told(folder: Path, tamper: Callable[[Path], None], told: str) -> None:
    tamper(folder)
    code, said = run(folder)
    assert code == 1
    assert said.startswith("NOT SOUND: ")
    assert told in said


def test_what_is_no_case_file_is_told(folder: Path) -> None:
    (folder / "commits.json").unlink()
    code, said = run(folder)
    assert (code, "not a case file" in said) == (2, True)


@settings(max_examples=25, deadline=None)
@given(text=st.binary(max_size=80), bit=st.integers(0, 511))
def test_its_own_signature_check_says_what_the_library_says(text: bytes, bit: int) -> None:
    signature = KEY.sign(text)
    wrong = (int.from_bytes(signature, "little") ^ 1 << bit).to_bytes(64, "little")
    public = public_of(KEY.public)
    assert is_signed(public, text, signature)
    assert not is_signed(public, text, wrong)
    assert not is_signed(public, text + b"x", signature)
