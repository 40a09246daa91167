"""`?at=`: the moment of the past that a question is about, as a position of the log or as a time."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query

from api.errors import invalid
from api.request_fields import POSITION_MAX
from commands.karma_statement import Moment

AT_CHARACTERS_MAX = 40


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
        return Moment()
    if at.isascii() and at.isdigit() and int(at) <= POSITION_MAX:
        return Moment(position=int(at))
    try:
        time = datetime.fromisoformat(at)
    except ValueError:
        raise invalid("at", "must be a position of the log, or a time as 2026-11-23T12:00:00Z") from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return Moment(at_ms=round(time.timestamp() * 1000))


At = Annotated[Moment, Depends(moment_asked)]
