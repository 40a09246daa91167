"""Batches on the command line, against a network that runs."""

import hashlib
import json
from pathlib import Path

from tests.cli.commands import Up


def lines_of(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "inputs.jsonl"
    file.write_text("\n".join(lines))
    return file


def test_a_followed_batch_shows_its_progress_and_its_merged_output(network: Up, tmp_path: Path) -> None:
    file = lines_of(tmp_path, *(json.dumps({"text": text}) for text in ("a", "b", "c")))
    said = network.typed("batch", "submit", "wasm-hash", file, "--merge", "flatten", "--follow")
    output, _, rest = said.out.partition("\n")
    assert [one["sha256"] for one in json.loads(output)] == [
        hashlib.sha256(text.encode()).hexdigest() for text in ("a", "b", "c")
    ]
    assert "is succeeded\n[####################] 3 of 3 parts have ended: 3 succeeded\n" in rest
    assert "Step 3 of 3." in said.err
    assert said.code == 0


def test_a_batch_shows_each_part_with_its_job(network: Up, tmp_path: Path) -> None:
    file = lines_of(tmp_path, '{"text":"a"}', "", '{"text":"b"}')
    batch = network.typed("batch", "submit", "wasm-hash", file, "--json").json
    shown = network.typed("batch", "show", batch["id"]).out
    assert [child["id"] in shown for child in batch["children"]] == [True, True]
    job = network.typed("job", "follow", batch["id"]).out
    assert job.count("sha256") == 2


def test_a_line_that_is_no_object_is_named(network: Up, tmp_path: Path) -> None:
    said = network.typed("batch", "submit", "wasm-hash", lines_of(tmp_path, '{"text":"a"}', "[1]"))
    assert said.err.startswith("error: FILE line 2: must be one JSON object\n")
    empty = network.typed("batch", "submit", "wasm-hash", lines_of(tmp_path, ""))
    assert "must hold 1 to 100 inputs, it holds 0" in empty.err
