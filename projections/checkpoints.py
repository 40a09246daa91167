"""Every signed checkpoint of the log, so that one is found without reading the log."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from commands.event_log import Commit
from domain.checkpoint import CheckpointSigned
from projections import named_sql
from projections.contract import Transaction
from projections.live_batch import KnownRows, Write
from projections.table import Table

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRow:
    """As the event says; `position` is where the event itself stands."""

    tree_size: int
    root: str
    chain_head: str
    ledger_position: int
    ledger_digest: str
    signed_at_ms: int
    key_id: str
    signature: str
    position: int


def checkpoint_row(event: CheckpointSigned, position: int) -> CheckpointRow:
    return CheckpointRow(
        tree_size=event.tree_size,
        root=event.root,
        chain_head=event.chain_head,
        ledger_position=event.ledger_position,
        ledger_digest=event.ledger_digest,
        signed_at_ms=event.signed_at_ms,
        key_id=event.key_id,
        signature=event.signature,
        position=position,
    )


def rows_of(commits: Sequence[Commit]) -> Iterator[CheckpointRow]:
    for commit in commits:
        for event in commit.events:
            if isinstance(event, CheckpointSigned):
                yield checkpoint_row(event, commit.position)


CHECKPOINTS: Final[Table[CheckpointRow]] = Table(CheckpointRow, "checkpoints", key=("tree_size",))


class Checkpoints:
    name = "checkpoints"
    version = 1
    concerns = frozenset({CheckpointSigned})
    migrations = named_sql.migrations(SQL)
    tables: Mapping[str, tuple[str, ...]] = {CHECKPOINTS.name: CHECKPOINTS.key}

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        if rows := list(rows_of(commits)):
            await CHECKPOINTS.insert(tx, rows)

    async def writes(self, _tx: Transaction, commits: Sequence[Commit], _known: KnownRows) -> Sequence[Write]:
        return [Write(table=CHECKPOINTS, rows=list(rows_of(commits)), is_insert=True)]
