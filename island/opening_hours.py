"""When an island takes jobs, as its owner wrote it down: `mon-fri 18:00-07:00`, `sat 00:00-24:00`, `daily 22:00-06:00`.

Read from the settings, asked by the agent once a second. Hours are those of the machine's own clock and zone; a stretch
that goes over midnight belongs to the day it begins on. Without any the island is always open.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAILY: Final = "daily"
STRETCHES_MAX: Final = 20
MINUTES_OF_DAY: Final = 24 * 60
STRETCH: Final = re.compile(r"([a-z]+)(?:-([a-z]+))? (\d{2}):(\d{2})-(\d{2}):(\d{2})")
RULE: Final = "write days and hours as in `mon-fri 18:00-07:00` or `daily 22:00-06:00`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """`days` count from Monday as 0, minutes from midnight; `until` lies behind `since`, if need be tomorrow."""

    days: frozenset[int]
    since: int
    until: int

    def holds(self, day: int, minute: int) -> bool:
        """Whether this minute of this day is in it, today's or the rest of yesterday's."""
        today = day in self.days and self.since <= minute < self.until
        yesterday = (day - 1) % len(DAYS) in self.days and minute < self.until - MINUTES_OF_DAY
        return today or yesterday


@dataclass(frozen=True, slots=True)
class OpeningHours:
    stretches: tuple[Stretch, ...] = ()

    def is_open(self, at_ms: int) -> bool:
        """Whether jobs are taken at this instant (Unix ms), by the machine's own zone."""
        local = datetime.fromtimestamp(at_ms / 1000).astimezone()
        minute = local.hour * 60 + local.minute
        return not self.stretches or any(one.holds(local.weekday(), minute) for one in self.stretches)


def opening_hours(texts: Sequence[str]) -> OpeningHours:
    """Raises ValueError, which names the text that cannot be read."""
    return OpeningHours(tuple(stretch(text) for text in texts))


def stretch(text: str) -> Stretch:
    found = STRETCH.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f"{text!r}: {RULE}")
    first, last, *numbers = found.groups()
    since_hour, since_minute, until_hour, until_minute = map(int, numbers)
    since, until = since_hour * 60 + since_minute, until_hour * 60 + until_minute
    if max(since_minute, until_minute) > 59 or since >= MINUTES_OF_DAY or until > MINUTES_OF_DAY:
        raise ValueError(f"{text!r}: hours go from 00:00 to 24:00")
    return Stretch(
        days=days_of(text, first, last),
        since=since,
        until=until if until > since else until + MINUTES_OF_DAY,
    )


def days_of(text: str, first: str, last: str | None) -> frozenset[int]:
    """The days from `first` to `last`, over the end of the week if need be."""
    if first == DAILY and last is None:
        return frozenset(range(len(DAYS)))
    if first not in DAYS or (last is not None and last not in DAYS):
        raise ValueError(f"{text!r}: days are {', '.join(DAYS)} or {DAILY}")
    begin, end = DAYS.index(first), DAYS.index(last or first)
    return frozenset((begin + n) % len(DAYS) for n in range((end - begin) % len(DAYS) + 1))
