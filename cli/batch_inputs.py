"""The inputs of a batch, one JSON object a line, as they are given on the command line.

Used by `archipelago batch submit`.
"""

from pathlib import Path
from typing import Any, Final

from cli.failure import wrong_usage
from cli.job_input import json_object, read_bytes

FILE_BYTES_MAX: Final = 1_000_000
"""As much as the coordinator takes in one request."""
INPUTS_MAX: Final = 100
"""As many as the coordinator takes in one batch."""


def read_inputs(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file; empty lines do not count. Raises CommandFailed, naming the line."""
    try:
        text = read_bytes("FILE", path, FILE_BYTES_MAX).decode()
    except UnicodeDecodeError as error:
        raise wrong_usage("FILE", f"{path}: must be UTF-8, which byte {error.start} is not") from error
    inputs = [
        json_object(f"FILE line {number}", line)
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]
    if not 0 < len(inputs) <= INPUTS_MAX:
        raise wrong_usage("FILE", f"{path}: must hold 1 to {INPUTS_MAX} inputs, it holds {len(inputs)}")
    return inputs
