"""The story of a world as lines that a person reads."""

from dataclasses import fields
from typing import Any, Final

from commands.event_log import Commit
from tests.examples import T0_MS

UNTOLD: Final = frozenset(
    {
        "explanation",
        "cargo",
        "input_json",
        "capabilities",
        "request_sha256",
        "usage",
        "refusals",
        "asks_micro",
    }
)


def line_of(commit: Commit) -> str:
    """Position, stream and events of a commit, with what is worth telling of each, and where it came from."""
    cause = f" because of {commit.origin.cause}" if commit.origin.cause else ""
    told = "; ".join(words_of(event) for event in commit.events)
    return f"#{commit.position} {told} ({commit.origin.command_id}{cause})"


def words_of(event: Any) -> str:
    told = (field.name for field in fields(event) if field.name not in UNTOLD)
    return " ".join((type(event).__name__, *(said(name, getattr(event, name)) for name in told)))


def said(name: str, value: Any) -> str:
    """Instants are told in seconds after the world's beginning, as everything else is."""
    if name.endswith("_ms") and isinstance(value, int) and value >= T0_MS:
        return f"{name.removesuffix('_ms')}={(value - T0_MS) / 1000:.3f}"
    return f"{name}={value}"


def reason_of(fault: BaseException) -> str:
    """The innermost fault, and where in the product it was raised."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    place, trace = "", fault.__traceback__
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_qualname} line {trace.tb_lineno}"
        trace = trace.tb_next
    return f"{fault!r} in {place}"
