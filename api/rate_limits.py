"""How often somebody may ask: fixed windows of a minute, one for each key or address and kind of request.

Called by `api.authorization` once per request. Memory is bounded: the window unused longest gives way, which at worst
grants its owner a fresh minute.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WINDOW_MS: Final = 60_000
WINDOWS_MAX: Final = 20_000


@dataclass(slots=True)
class _Window:
    ends_at_ms: int
    used: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left after this request. `resets_at_s` is in Unix seconds."""

    limit: int
    remaining: int
    resets_at_s: int
    retry_after_s: int
    is_exceeded: bool

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.resets_at_s),
        }


class RateLimits:
    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def is_used_up(self, who: str, limit: int) -> bool:
        """Whether a further request of `who` would exceed the limit; counts nothing."""
        window = self._windows.get(who)
        return window is not None and window.ends_at_ms > self._now_ms() and window.used >= limit

    def count(self, who: str, limit: int) -> Allowance:
        """Counts one request of `who`, who may make `limit` a minute."""
        now_ms = self._now_ms()
        window = self._windows.get(who)
        if window is None or window.ends_at_ms <= now_ms:
            window = self._windows[who] = _Window(ends_at_ms=now_ms + WINDOW_MS)
        self._windows.move_to_end(who)
        while len(self._windows) > WINDOWS_MAX:
            self._windows.popitem(last=False)
        window.used = min(window.used + 1, limit + 1)
        return Allowance(
            limit=limit,
            remaining=max(0, limit - window.used),
            resets_at_s=-(-window.ends_at_ms // 1000),
            retry_after_s=max(1, -(-(window.ends_at_ms - now_ms) // 1000)),
            is_exceeded=window.used > limit,
        )
