"""A small live batch in one statement: the position moves and the rows are written together, or neither.

Used by `runner` for the few commits that arrive at a time while a projection is live. A transaction of its own would
cost five statements and more a batch, and the network around a job of some milliseconds would spend most of its time on
them. The rows written last are kept in memory, so that they need not be read again; that is right as long as nobody
else writes, and the position's compare-and-set tells if somebody did.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol, runtime_checkable

from commands.event_log import Commit
from projections.contract import CHANNEL, Superseded, Transaction, check_sequence
from projections.keyed_fold import KeyedFold
from projections.table import Table, as_document

ROWS_KNOWN_MAX: Final = 5_000  # Of each table; the ones not used for longest are read again.

_MOVE: Final = b"""
WITH moved (reached) AS (
    UPDATE projections.position SET position = %s, moved_at = now()
    WHERE schema = %s AND position = %s AND rebuilds = %s RETURNING position
)"""
_TELL: Final = b" SELECT pg_notify(%s, %s) FROM moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Rows for one table: replaced by key, or only ever added."""

    table: Table[Any]
    rows: Sequence[Any]
    is_insert: bool = False


class KnownRows:
    """What the tables hold, as far as we wrote it ourselves and still remember. Belongs to one connection.

    `rebuilds` is how often the live tables have been replaced: a statement that was on its way into the old ones when
    it happened finds another number, and moves nothing.
    """

    def __init__(self, rebuilds: int) -> None:
        self.rebuilds = rebuilds
        self._tables: dict[str, OrderedDict[Any, Any]] = {}

    def of(self, table: Table[Any]) -> Mapping[Any, Any]:
        return self._tables.setdefault(table.name, OrderedDict())

    def remember(self, write: Write) -> None:
        known = self._tables.setdefault(write.table.name, OrderedDict())
        for row in write.rows:
            key = write.table.key_of(row)
            known[key] = row
            known.move_to_end(key)
        while len(known) > ROWS_KNOWN_MAX:
            known.popitem(last=False)

    def forget(self) -> None:
        self._tables.clear()


@runtime_checkable
class WritesRows(Protocol):
    """A projection that can say what a batch changes before it is written."""

    @property
    def name(self) -> str: ...

    async def writes(self, tx: Transaction, commits: Sequence[Commit], known: KnownRows) -> Sequence[Write]:
        """What the commits change, reading what is not known."""
        ...


async def folded(fold: KeyedFold[Any], tx: Transaction, commits: Sequence[Commit], known: KnownRows) -> Write:
    """What the commits change in the table of one fold."""
    return Write(table=fold.table, rows=await fold.changed(tx, commits, known.of(fold.table)))


async def apply_live(
    connection: Transaction,
    projection: WritesRows,
    schema: str,
    commits: Sequence[Commit],
    *,
    position: int,
    known: KnownRows,
) -> int | None:
    """Applies the commits to a live schema, which must be the connection's search path, and returns the new position.

    None means that nothing was done: the batch is not small, or carries what only COPY can; apply it in a transaction.
    Raises `Gap`, `Superseded`, and what the projection or Postgres raise.
    """
    check_sequence(projection.name, position, commits)
    writes = [write for write in await projection.writes(connection, commits, known) if write.rows]
    documents = [as_document(write.rows) for write in writes]
    if None in documents:
        return None
    reached = commits[-1].position
    statement = composed(tuple((write.table, write.is_insert) for write in writes))
    news = f"{projection.name} {reached}"
    where = (reached, schema, position, known.rebuilds)
    moved = await connection.execute(statement, (*where, *documents, CHANNEL, news))
    if await moved.fetchone() is None:
        raise Superseded(f"projection {projection.name} is no longer at position {position}")
    for write in writes:
        if not write.is_insert:
            known.remember(write)
    return reached


@cache
def composed(writes: tuple[tuple[Table[Any], bool], ...]) -> bytes:
    """The statement that moves the position and makes these writes. There are a handful of combinations."""
    parts = [
        b", write_%d AS (%s)"
        % (number, table.statements.insert_if_moved if is_insert else table.statements.upsert_if_moved)
        for number, (table, is_insert) in enumerate(writes)
    ]
    return _MOVE + b"".join(parts) + _TELL
