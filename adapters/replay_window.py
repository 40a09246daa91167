"""Which numbered claims of each island were seen already, so that a recorded one cannot be played again.

Used by the check of claims. A sliding window as in IPsec (RFC 4303, 3.4.3): what is newer than everything before, or
inside the window and unseen, is new; claims may overtake each other inside it. Kept in memory and per process: after a
restart, or on another coordinator, the fence of the jobs still refuses what is over.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

WINDOW_SIZE: Final = 1_024
WINDOWS_MAX: Final = 80_000
"""About 300 bytes each: four kinds of claims of 20 000 islands. The window unused for longest is forgotten first."""
ALL_SEEN: Final = (1 << WINDOW_SIZE) - 1


@dataclass(slots=True)
class Window:
    """`newest` is the highest number seen; bit b of `seen` stands for the number `newest - b`."""

    newest: int
    seen: int = 1

    def take(self, n: int) -> bool:
        """Marks `n` as seen. False where it was seen before or is too old to tell."""
        ahead = n - self.newest
        if ahead > 0:
            # Compared first: shifted by a hostile number, the integer would fill the memory.
            self.seen = (self.seen << ahead | 1) & ALL_SEEN if ahead < WINDOW_SIZE else 1
            self.newest = n
            return True
        bit = 1 << -ahead if -ahead < WINDOW_SIZE else 0
        is_new = bool(bit) and not self.seen & bit
        self.seen |= bit
        return is_new


class ReplayWindows:
    """One window for each island and kind of claim."""

    def __init__(self) -> None:
        self._windows: OrderedDict[tuple[str, str], Window] = OrderedDict()

    def take(self, island_id: str, kind: str, n: int) -> bool:
        """Marks `n` as seen. False where it is a replay."""
        window = self._windows.get((island_id, kind))
        if window is None:
            self._windows[island_id, kind] = Window(n)
            if len(self._windows) > WINDOWS_MAX:
                self._windows.popitem(last=False)
            return True
        self._windows.move_to_end((island_id, kind))
        return window.take(n)
