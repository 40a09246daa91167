"""A set of ids that only grows, cheap to keep as a value.

Aggregates remember every hold, settlement or attempt they ever took, so that a repeated command decides nothing. A
`frozenset` would be copied whole with every event; here a few sets of doubling size are shared between states, so
adding costs O(log n) amortised and asking costs O(log n).
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SeenIds:
    """An immutable set of strings. `with_id` returns a new set and leaves this one as it is."""

    layers: tuple[frozenset[str], ...] = ()

    def __contains__(self, one: object) -> bool:
        return any(one in layer for layer in self.layers)

    def __len__(self) -> int:
        return sum(len(layer) for layer in self.layers)

    def __iter__(self) -> Iterator[str]:
        for layer in self.layers:
            yield from layer

    def with_id(self, one: str) -> "SeenIds":
        """This set and `one`. Layers of equal size are merged, as a binary counter carries."""
        if one in self:
            return self
        newest = frozenset((one,))
        layers = list(self.layers)
        while layers and len(layers[-1]) <= len(newest):
            newest |= layers.pop()
        return SeenIds((*layers, newest))
