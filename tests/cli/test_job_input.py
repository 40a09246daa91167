"""An input that a job cannot carry is refused in words, before anything is sent or paid."""

from pathlib import Path

import pytest

from cli.failure import CommandFailed
from cli.job_input import read_input


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('{"text":', "must be JSON"),
        ('{"text":"\\ud800"}', "must be JSON"),
        ('{"n":NaN}', "NaN is not a number in JSON"),
        ('{"n":1e999}', "must be JSON"),
        ("[1]", "must be one JSON object"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "must not be nested that deeply"),
    ],
    ids=["cut off", "half a pair", "not a number", "without end", "no object", "too deep"],
)
def test_what_json_cannot_carry_is_named(text: str, rule: str) -> None:
    with pytest.raises(CommandFailed, match=rule) as refused:
        read_input(text, None, None)
    assert refused.value.message.startswith("--input: ")


def test_a_file_in_another_encoding_is_not_changed_silently(tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_bytes('{"text":"caf\u00e9"}'.encode("latin-1"))
    with pytest.raises(CommandFailed, match="must be UTF-8, which byte 12 is not"):
        read_input("", file, None)
