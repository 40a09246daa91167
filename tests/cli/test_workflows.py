"""Workflows from a terminal, on a network that `archipelago up` runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import Up


def written(tmp_path: Path, *steps: dict[str, Any]) -> Path:
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps({"name": "Hash the hash", "definition": {"steps": steps}}))
    return file


FIRST = {"key": "first", "workload": "wasm-hash", "input": {"text": "hello"}}
AGAIN = {
    "key": "again",
    "workload": "wasm-hash",
    "depends_on": ["first"],
    "input_mapping": {"text": "{{first.output.json.sha256}}"},
}


def test_a_workflow_is_submitted_followed_and_shown(network: Up, tmp_path: Path) -> None:
    said = network.typed("workflow", "submit", written(tmp_path, FIRST, AGAIN), "--follow")
    assert said.code == 0, said.err
    assert "first: succeeded\n" in said.err
    assert "again: succeeded\n" in said.err
    shown = network.typed("workflow", "show", said.out.split()[1], "--json").json
    assert shown["state"] == "succeeded"
    job = network.typed("job", "get", shown["steps"][1]["job_id"], "--json").json
    assert json.loads(job["output"]["text"])["bytes"] == 64
    late = network.typed("workflow", "cancel", shown["id"])
    assert (late.code, late.err.startswith("error: the workflow is succeeded already")) == (1, True)


def test_a_workflow_that_fails_says_so_with_its_exit_code(network: Up, tmp_path: Path) -> None:
    wrong = {**AGAIN, "input_mapping": {"text": "{{first.output.json.nothing}}"}}
    said = network.typed("workflow", "submit", written(tmp_path, FIRST, wrong), "--follow")
    assert said.code == 1
    assert "the output of first has nothing at nothing" in said.out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "workflow.json is no JSON"),
        ("[]", "must hold an object with name and definition"),
        ('{"name": "x", "definition": {"steps": []}}', "definition.steps"),
    ],
)
def test_a_wrong_file_is_refused(network: Up, tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "workflow.json"
    file.write_text(text)
    said = network.typed("workflow", "submit", file)
    assert said.code != 0
    assert told in said.err
    missing = network.typed("workflow", "submit", tmp_path / "none.json")
    assert "No such file" in missing.err
