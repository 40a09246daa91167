"""A row of numbers as a row of bars, for a terminal."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

BARS: Final = "▁▂▃▄▅▆▇█"
GAP: Final = " "
COLUMNS_MAX: Final = 72


def sparkline(values: Sequence[float | None], columns: int = COLUMNS_MAX) -> str:
    """One bar a value, the lowest for the smallest; nothing where there is no value.

    More values than columns are gathered, each column the mean of its share.
    """
    shown = gathered(values, columns)
    known = [value for value in shown if value is not None]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    return "".join(GAP if value is None else BARS[step(value - low, span)] for value in shown)


def step(height: float, span: float) -> int:
    """Which bar; where all values are the same, the middle one."""
    return round(height / span * (len(BARS) - 1)) if span else len(BARS) // 2


def gathered(values: Sequence[float | None], columns: int) -> list[float | None]:
    if len(values) <= columns:
        return list(values)
    edges = [len(values) * column // columns for column in range(columns + 1)]
    return [mean(values[first:behind]) for first, behind in pairwise(edges)]


def mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
