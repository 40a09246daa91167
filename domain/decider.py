"""The one shape of every aggregate: what may happen (`decide`) and what then is (`evolve`).

Called by `commands.handle` for every command and by the tests' given/when/then scenario. Promises nothing by
itself: the laws (a repeated command decides nothing, evolve never fails) are kept by each aggregate and tested there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Generic, TypeVar

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Decider(Generic[C, S, E]):
    """One aggregate as two plain functions.

    `decide(state, command)` returns the events that follow: `[]` when it is so already, and it raises
    `Rejected(code)` when it should not have been asked. `evolve(state, event)` is total: no rule, no failure, no I/O.
    `category` is the first part of the stream name, `<category>.<id>`.
    """

    category: str
    initial: S
    decide: Callable[[S, C], list[E]]
    evolve: Callable[[S, E], S]

    def fold(self, events: Iterable[E], state: S | None = None) -> S:
        """The state after `events`, starting from `state`, or from nothing."""
        return reduce(self.evolve, events, self.initial if state is None else state)

    def stream(self, aggregate_id: str) -> str:
        """The name of one aggregate's stream in the log."""
        return f"{self.category}.{aggregate_id}"
