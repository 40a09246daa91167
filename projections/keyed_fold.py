"""Rows that follow from their former self and the next event: the fold that most read models are.

A batch is folded in memory, so a row that changes ten times in it is read once and written once. `row_after` is pure,
gives the same object where nothing changed, and is tested without a database.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from commands.event_log import Commit
from projections.contract import Transaction
from projections.table import Table

R = TypeVar("R")

RowAfter = Callable[[R | None, Any, int], R | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedFold(Generic[R]):
    """One table of a projection. `key_of` names the row an event may change, None for no row."""

    table: Table[R]
    concerns: frozenset[type]
    key_of: Callable[[Any], Any]
    row_after: RowAfter[R]

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        """Writes every row that the commits change."""
        steps = [
            (key, event, commit.position)
            for commit in commits
            for event in commit.events
            if type(event) in self.concerns and (key := self.key_of(event)) is not None
        ]
        if not steps:
            return
        rows = await self.table.read(tx, {key for key, _, _ in steps})
        changed: dict[Any, R] = {}
        for key, event, position in steps:
            before = rows.get(key)
            after = self.row_after(before, event, position)
            if after is not None and after is not before:
                rows[key] = changed[key] = after
        if changed:
            await self.table.write(tx, list(changed.values()))
