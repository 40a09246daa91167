"""given(...).when(...).then(...) for any decider, and what its laws need.

Used by the tests of every aggregate. A scenario is a value: the same `given` may be asked several commands.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import pytest

from domain.decider import Decider
from domain.rejection import Rejected, Rejection

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E")


def added(decider: Decider[C, S, E], past: Sequence[E], command: C) -> list[E]:
    """The events a command adds to `past`; none where it is rejected."""
    try:
        return decider.decide(decider.fold(past), command)
    except Rejected:
        return []


@dataclass(frozen=True)
class Scenario(Generic[C, S, E]):
    decider: Decider[C, S, E]
    past: tuple[E, ...] = ()
    command: C | None = None

    def given(self, *past: E) -> "Scenario[C, S, E]":
        return replace(self, past=past)

    def when(self, command: C) -> "Scenario[C, S, E]":
        return replace(self, command=command)

    def then(self, *expected: E) -> None:
        assert self.decided() == list(expected)

    def then_nothing(self) -> None:
        assert self.decided() == []

    def then_rejected(self, code: Rejection) -> None:
        with pytest.raises(Rejected) as rejected:
            self.decided()
        assert rejected.value.code is code

    def decided(self) -> list[E]:
        assert self.command is not None
        return self.decider.decide(self.decider.fold(self.past), self.command)
