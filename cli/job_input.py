"""The input of a job as it is given on the command line: JSON, a JSON file, the bytes of a file.

Used by `archipelago job submit`. What a cargo takes is its own affair; the coordinator checks it against the schema.
"""

import base64
import json
from pathlib import Path
from typing import Any, Final

from cli.failure import wrong_usage

INPUT_BYTES_MAX: Final = 256 * 1024
"""As much as the coordinator takes inline."""
FILE_BYTES_MAX: Final = 190 * 1024
"""What fits an inline input once it is base64."""


def read_input(text: str, json_file: Path | None, file: Path | None) -> dict[str, Any]:
    """One JSON object: from `text` or `json_file`, with the bytes of `file` as `base64`. Raises CommandFailed."""
    if text and json_file is not None:
        raise wrong_usage("--input", "cannot be given together with --input-file")
    if not text and json_file is None and file is None:
        raise wrong_usage(
            "--input", "must be given", next_step="""e.g. --input '{"text":"hello"}', or --file FILE"""
        )
    field = "--input" if json_file is None else "--input-file"
    given = text if json_file is None else read_text(field, json_file)
    found = json_object(field, given) if given else {}
    if file is None:
        return found
    if "base64" in found:
        raise wrong_usage("--file", "cannot be given together with an input that has `base64`")
    return found | {"base64": base64.b64encode(read_bytes("--file", file, FILE_BYTES_MAX)).decode()}


def json_object(field: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_constant=refuse_constant)
        # What JSON cannot carry must be found here: half a surrogate pair, a number without end.
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
    except RecursionError as error:
        raise wrong_usage(field, "must not be nested that deeply") from error
    except ValueError as error:
        raise wrong_usage(field, f"must be JSON: {error}") from error
    if not isinstance(found, dict):
        raise wrong_usage(field, "must be one JSON object", next_step="""e.g. '{"text":"hello"}'""")
    return found


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")


def read_text(field: str, path: Path) -> str:
    try:
        return read_bytes(field, path, INPUT_BYTES_MAX).decode()
    except UnicodeDecodeError as error:
        raise wrong_usage(field, f"{path}: must be UTF-8, which byte {error.start} is not") from error


def read_bytes(field: str, path: Path, most: int) -> bytes:
    """Never more than `most` bytes, however large the file is meanwhile."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise wrong_usage(field, f"{path}: {error.strerror or error}") from error
    if len(content) > most:
        raise wrong_usage(field, f"{path}: must be at most {most} bytes")
    return content
