"""A table whose rows are dataclasses: which columns there are follows from the fields.

Used by every projection to read and write many rows at once, and by the read model to build rows from results. Plain
values are columns as they are; everything else (a mapping, a tuple, a nested domain value) is one `json` column that
decodes into exactly the value it was made from.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from operator import attrgetter
from typing import Any, Final, Generic, LiteralString, TypeVar, get_args, get_type_hints

import msgspec
from psycopg import AsyncConnection, sql
from psycopg.types.json import set_json_loads

from projections.contract import Transaction

R = TypeVar("R")

COPY_FROM_ROWS: Final = 40  # From here on COPY and merge are faster than one JSON document; measured.
PLAIN: Final[Mapping[Any, LiteralString]] = {str: "text", int: "bigint", bool: "boolean"}
# Sets have no order of their own; sorted, the same row is always the same bytes.
JSON: Final = msgspec.json.Encoder(order="deterministic")
NUL: Final = "\x00"
NUL_IN_JSON: Final = rb"\u0000"
NUL_SHOWN: Final = "\N{SYMBOL FOR NULL}"


def keep_json_as_bytes(connection: AsyncConnection[Any]) -> None:
    """Lets `json` columns arrive undecoded, for `Table` to make the right type. Call once a connection."""
    set_json_loads(lambda raw: raw, connection)


def bare_type(hint: Any) -> Any:
    """The type behind `X | None` and `NewType`."""
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    if type(None) in get_args(hint) and len(kinds) == 1:
        hint = kinds[0]
    return getattr(hint, "__supertype__", hint)


def is_word(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def is_json(kind: Any) -> bool:
    return kind not in PLAIN and not is_word(kind)


def reader_of(kind: Any) -> Callable[[Any], Any] | None:
    """What turns a column's value into the field's, or None where it is the same."""
    if is_json(kind):
        return msgspec.json.Decoder(kind).decode
    return kind if is_word(kind) else None


def storable(value: Any) -> Any:
    """Postgres has no NUL in a text, and what an island wrote into a message must not stop a projection."""
    return value.replace(NUL, NUL_SHOWN) if type(value) is str and NUL in value else value


class Table(Generic[R]):
    """`key` are the columns of the primary key; a row's key is their value, or the tuple of them."""

    def __init__(self, row: type[R], name: str, key: tuple[str, ...]) -> None:
        kinds = {field: bare_type(hint) for field, hint in get_type_hints(row).items()}
        self.name = name
        self.key = key
        self._row = row
        self._columns = tuple(kinds)
        self._readers = {field: reader_of(kind) for field, kind in kinds.items()}
        self._json_at = [number for number, kind in enumerate(kinds.values()) if is_json(kind)]
        self._values = attrgetter(*self._columns)
        self.key_of = attrgetter(*key)
        self.statements = Statements(name, self._columns, {column: PLAIN[kinds[column]] for column in key})

    async def read(self, tx: Transaction, keys: Iterable[Any]) -> dict[Any, R]:
        """The rows that exist, by key."""
        columns = [list(keys)] if len(self.key) == 1 else [list(column) for column in zip(*keys, strict=True)]
        async with tx.cursor(row_factory=self.row_factory) as cursor:
            await cursor.execute(self.statements.read, columns)
            return {self.key_of(row): row for row in await cursor.fetchall()}

    async def write(self, tx: Transaction, rows: Sequence[R]) -> None:
        """Inserts rows, or replaces the ones of the same key."""
        if (document := as_document(rows)) is not None:
            await tx.execute(self.statements.upsert, (document,))
            return
        await tx.execute(self.statements.empty_incoming)
        await self._copy(tx, self.statements.copy_incoming, rows)
        await tx.execute(self.statements.merge)

    async def insert(self, tx: Transaction, rows: Sequence[R]) -> None:
        """Adds rows in one statement. Raises what the table's constraints raise."""
        if (document := as_document(rows)) is not None:
            await tx.execute(self.statements.insert, (document,))
        else:
            await self._copy(tx, self.statements.copy, rows)

    async def _copy(self, tx: Transaction, statement: bytes, rows: Sequence[R]) -> None:
        async with tx.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                await copy.write_row(self.values(row))

    def values(self, row: R) -> Sequence[Any]:
        """The row as its columns."""
        values = [storable(value) for value in self._values(row)]
        for number in self._json_at:
            if values[number] is not None:
                values[number] = JSON.encode(values[number]).decode()
        return values

    def row_factory(self, cursor: Any) -> Callable[[Sequence[Any]], R]:
        """For psycopg: builds rows from any result that has the table's columns; further columns are passed over."""
        found = {column.name: number for number, column in enumerate(cursor.description or ())}
        wanted = [(name, found[name], self._readers[name]) for name in self._columns if found]
        make = self._row

        def build(values: Sequence[Any]) -> R:
            return make(
                **{
                    name: values[number] if read is None or values[number] is None else read(values[number])
                    for name, number, read in wanted
                }
            )

        return build


def as_document(rows: Sequence[Any]) -> str | None:
    """A few rows as one JSON document, which is one parameter of one type whatever the rows are.

    None for many rows, which COPY takes faster, and for a NUL, which JSON cannot carry into Postgres.
    """
    if len(rows) >= COPY_FROM_ROWS:
        return None
    document = JSON.encode(rows)
    return None if NUL_IN_JSON in document else document.decode()


class Statements:
    """The statements of one table, composed once. `key` are its key columns with their Postgres types."""

    def __init__(self, name: str, columns: Sequence[str], key: Mapping[str, LiteralString]) -> None:
        replaced = (
            sql.SQL("{column} = EXCLUDED.{column}").format(column=sql.Identifier(column))
            for column in columns
            if column not in key
        )
        keys = joined(sql.Identifier(column) for column in key)
        self._parts = {
            "table": sql.Identifier(name),
            "incoming": sql.Identifier(f"incoming_{name}"),
            "names": joined(sql.Identifier(column) for column in columns),
            "keys": keys,
            "onto": sql.SQL("ON CONFLICT ({}) DO UPDATE SET {}").format(keys, joined(replaced)),
            "wanted": joined(sql.SQL("%s::" + kind + "[]") for kind in key.values()),
            "given": sql.SQL("json_populate_recordset(NULL::{}, %s::json)").format(sql.Identifier(name)),
        }
        self.read = self._composed(
            "SELECT {names} FROM {table} WHERE ({keys}) IN (SELECT * FROM unnest({wanted}))"
        )
        self.insert = self._composed("INSERT INTO {table} ({names}) SELECT {names} FROM {given}")
        self.upsert = self._composed("INSERT INTO {table} ({names}) SELECT {names} FROM {given} {onto}")
        self.insert_if_moved = self._composed(
            "INSERT INTO {table} ({names}) SELECT {names} FROM {given}, moved"
        )
        self.upsert_if_moved = self._composed(
            "INSERT INTO {table} ({names}) SELECT {names} FROM {given}, moved {onto}"
        )
        self.empty_incoming = self._composed(
            "CREATE TEMPORARY TABLE IF NOT EXISTS {incoming} ON COMMIT DELETE ROWS "
            "AS SELECT {names} FROM {table} WITH NO DATA; DELETE FROM {incoming}"
        )
        self.copy = self._composed("COPY {table} ({names}) FROM STDIN")
        self.copy_incoming = self._composed("COPY {incoming} ({names}) FROM STDIN")
        self.merge = self._composed("INSERT INTO {table} ({names}) SELECT {names} FROM {incoming} {onto}")

    def _composed(self, template: LiteralString) -> bytes:
        return sql.SQL(template).format(**self._parts).as_bytes(None)


def joined(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
