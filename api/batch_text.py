"""The outputs of a batch's parts as the one output that its owner reads. Pure.

Called by `api.job_text`. Outputs come in the order of the inputs; parts without a result are left out.
"""

from collections.abc import Sequence
from typing import Any, Final, assert_never

import msgspec

from domain.batch_events import Merge

ENCODER: Final = msgspec.json.Encoder()


def merged(outputs: Sequence[str], merge: Merge) -> str:
    """`concat` joins texts line by line and arrays end to end; `flatten` always gives one array."""
    values = [value_of(output) for output in outputs]
    match merge:
        case Merge.CONCAT if values and all(isinstance(value, list) for value in values):
            return as_json(flat(values))
        case Merge.CONCAT:
            lines = (output if output.endswith("\n") else f"{output}\n" for output in outputs[:-1])
            return "".join((*lines, *outputs[-1:]))
        case Merge.FLATTEN:
            return as_json(flat(values))
        case _:
            assert_never(merge)


def value_of(output: str) -> Any:
    """The JSON value that an output is, else its text."""
    try:
        return msgspec.json.decode(output)
    except (msgspec.DecodeError, RecursionError):
        return output


def flat(values: Sequence[Any]) -> list[Any]:
    """One level less: the elements of lists, and whatever is none as it is."""
    return [one for value in values for one in (value if isinstance(value, list) else [value])]


def as_json(values: list[Any]) -> str:
    return ENCODER.encode(values).decode()
