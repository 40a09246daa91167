"""A bound on the processor time of foreign rules: a cargo's schema may be written to keep a validator busy for
years.

Used around JSON Schema work, which runs in one go on the event loop. The timer counts the process's own time, so a
busy machine ends nothing early; the interpreter looks for it between instructions and inside regular expressions. It
works on the main thread of systems that have the timer; elsewhere (Windows) rules run without a bound.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class CpuLimitExceeded(Exception):
    """The work was ended before it was done."""


@contextmanager
def cpu_limit(limit_s: float) -> Iterator[None]:
    """Ends the block with `CpuLimitExceeded` after `limit_s` of processor time. Not to be nested."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGVTALRM, _end)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise CpuLimitExceeded
