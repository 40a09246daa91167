"""Cuts a text at the first stop word, also where it arrives in pieces. Used by chat completions.

What could be the beginning of a stop word is kept back until it is clear, so that nobody reads half of one.
"""

from collections.abc import Sequence


class StopCutter:
    """`is_cut` once a stop word came; nothing is shown from there on."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._kept_back = ""
        self.is_cut = False

    def feed(self, piece: str) -> str:
        """What may be shown now."""
        if self.is_cut:
            return ""
        text = self._kept_back + piece
        found = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.is_cut, self._kept_back = True, ""
            return text[: min(found)]
        shown = len(text) - max((overlap(text, stop) for stop in self._stops), default=0)
        self._kept_back = text[shown:]
        return text[:shown]

    def rest(self) -> str:
        """What was kept back and turned out to be no stop word."""
        rest, self._kept_back = self._kept_back, ""
        return rest


def overlap(text: str, stop: str) -> int:
    """How many characters at the end of `text` are a beginning of `stop`, not all of it."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
