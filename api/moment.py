"""`?at=`: the moment of the past that a question is about, as a position of the log or as a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

from fastapi import Depends, Query

from adapters import clock
from api.edge import EdgeState
from api.errors import invalid
from commands.as_of import NotYet, PastTooLong, Standpoint, standpoint
from commands.karma_statement import Moment
from commands.reports.period import moment_of

AT_CHARACTERS_MAX: Final = 40
NOW: Final = Moment()


async def moment_asked(
    at: Annotated[
        str | None,
        Query(
            max_length=AT_CHARACTERS_MAX,
            description="As of this position of the log, or this time, as 2026-11-23T12:00:00Z. Default: now.",
        ),
    ] = None,
) -> Moment:
    """Raises `ApiError` (invalid)."""
    if at is None:
        return NOW
    try:
        return moment_of(at)
    except ValueError as rule:
        raise invalid("at", str(rule)) from None


async def standing(edge: EdgeState, moment: Moment) -> Standpoint:
    """Where the log stood at a moment that is over: only then the answer never changes. Raises `ApiError`."""
    if moment.at_ms is not None and moment.at_ms > clock.now_ms():
        raise invalid("at", "must not lie in the future")
    try:
        return await standpoint(edge.services.past, moment)
    except NotYet as end:
        raise invalid("at", f"must not be above {end.last}, the newest position of the log") from None


@contextmanager
def bounded() -> Iterator[None]:
    """Turns a past too long for one question into an answer that says so."""
    try:
        yield
    except PastTooLong as long:
        raise invalid("at", f"would read {long}; ask for a report of that time instead") from None


At = Annotated[Moment, Depends(moment_asked)]
