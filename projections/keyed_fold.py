"""Rows that follow from their former self and the next event: the fold that most read models are.

A batch is folded in memory, so a row that changes ten times in it is read once and written once. `row_after` is pure,
gives the same object where nothing changed, and is tested without a database.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from commands.event_log import Commit
from projections.contract import Transaction
from projections.table import Table

R = TypeVar("R")

NOTHING_KNOWN: Final[Mapping[Any, Any]] = {}

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
        if changed := await self.changed(tx, commits, NOTHING_KNOWN):
            await self.table.write(tx, changed)

    async def changed(self, tx: Transaction, commits: Sequence[Commit], known: Mapping[Any, R]) -> list[R]:
        """The rows as the commits leave them, without those that stay as they are. Rows not `known` are read."""
        steps = [
            (key, event, commit.position)
            for commit in commits
            for event in commit.events
            if type(event) in self.concerns and (key := self.key_of(event)) is not None
        ]
        keys = {key for key, _, _ in steps}
        rows: dict[Any, R] = {key: known[key] for key in keys if key in known}
        if unknown := keys - rows.keys():
            rows |= await self.table.read(tx, unknown)
        changed: dict[Any, R] = {}
        for key, event, position in steps:
            before = rows.get(key)
            after = self.row_after(before, event, position)
            if after is not None and after is not before:
                rows[key] = changed[key] = after
        return list(changed.values())
