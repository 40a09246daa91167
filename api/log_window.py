"""Where in the log a time lies, and how much of it a question may read.

Used by routes that look back. The log is read in order of time, so a time is found by halving.
"""

from typing import Any, Final

from commands.event_log import EventLog

COMMITS_READ_MAX: Final = 100_000
"""What one question reads of the log at most; a longer past is cut to its newest part."""


async def position_before(log: EventLog, at_ms: int) -> int:
    """The position of the last commit recorded before `at_ms`, 0 where there is none."""
    before, behind = 0, await log.last_position() + 1
    while behind - before > 1:
        middle = (before + behind) // 2
        recorded_at_ms = await recorded_at(log, middle)
        if recorded_at_ms is not None and recorded_at_ms < at_ms:
            before = middle
        else:
            behind = middle
    return before


async def recorded_at(log: EventLog, position: int) -> int | None:
    """When the commit at this position was recorded (Unix ms)."""
    async for commits in log.read(after=position - 1, up_to=position):
        return commits[-1].recorded_at_ms
    return None


async def event_at(log: EventLog, position: int, index: int) -> Any:
    """The event at this address, or None where there is none."""
    async for commits in log.read(after=position - 1, up_to=position):
        events = commits[0].events
        return events[index] if index < len(events) else None
    return None
