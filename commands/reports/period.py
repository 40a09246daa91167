"""What time a report is about, and between which positions of the log that lies.

A commit belongs to the time at which the log recorded it, so what a report says of a month that is over never changes:
whatever is put right later is recorded later. Months are UTC.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from commands.karma_statement import Moment
from commands.reports.past_log import PastLog

MONTH: Final = re.compile(r"(2\d{3})-(0[1-9]|1[0-2])")
POSITION_MAX: Final = 2**62
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From `since_ms` on and before `until_ms`, Unix milliseconds; None: without an end."""

    since_ms: int = 0
    until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Commits behind position `after` up to `through`. `is_closed`: the period was over by then, and no later commit
    can ever belong to it.
    """

    after: int
    through: int
    is_closed: bool

    def holds(self, position: int) -> bool:
        return self.after < position <= self.through


def month_of(text: str) -> Period:
    """The month `2026-11`. Raises ValueError with the rule."""
    found = MONTH.fullmatch(text)
    if found is None:
        raise ValueError("must be a month as 2026-11")
    year, month = int(found[1]), int(found[2])
    return Period(
        since_ms=ms_of(datetime(year, month, 1, tzinfo=UTC)),
        until_ms=ms_of(datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)),
    )


def moment_of(text: str) -> Moment:
    """A position of the log, or a time as `2026-11-23T12:00:00Z`. Raises ValueError with the rule."""
    if text.isascii() and text.isdigit() and int(text) <= POSITION_MAX:
        return Moment(position=int(text))
    try:
        return Moment(at_ms=time_of(text))
    except ValueError:
        raise ValueError("must be a position of the log, or a time as 2026-11-23T12:00:00Z") from None


def time_of(text: str) -> int:
    """Unix milliseconds; UTC where no zone is named. Raises ValueError with the rule."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a time as 2026-11-23T12:00:00Z") from None
    return ms_of(time if time.tzinfo else time.replace(tzinfo=UTC))


def ms_of(time: datetime) -> int:
    return (time - EPOCH) // timedelta(milliseconds=1)


def instant(at_ms: int) -> str:
    """`2026-11-23T12:00:00.000Z`."""
    time = EPOCH + timedelta(milliseconds=at_ms)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day_of(at_ms: int) -> str:
    """`2026-11-23`, in UTC."""
    return instant(at_ms)[:10]


async def span_of(log: PastLog, period: Period, at: Moment) -> Span:
    """Where a period lies in the log, as somebody saw it at a moment. Raises `LogUnavailable`."""
    end = await end_of(log, at)
    first = await log.first_at(period.since_ms)
    after = end if first is None else min(first - 1, end)
    behind = None if period.until_ms is None else await log.first_at(period.until_ms)
    if behind is None or behind > end:
        return Span(after=after, through=end, is_closed=False)
    return Span(after=after, through=max(behind - 1, after), is_closed=True)


async def end_of(log: PastLog, at: Moment) -> int:
    """The newest position that had been recorded at a moment."""
    last = await log.last_position()
    if at.position is not None:
        return min(at.position, last)
    if at.at_ms is None:
        return last
    later = await log.first_at(at.at_ms + 1)
    return last if later is None else later - 1
