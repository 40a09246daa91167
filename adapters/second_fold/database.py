"""The second fold beside PostgreSQL: every entry of the ledger, every balance, account and island, one by one.

Called by the check "ledger" of `archipelago audit check`. It reads one snapshot of the database, so the network goes on
meanwhile, and compares each table at the position its projection has reached. Schemas and columns are named here again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from eventsourcing.persistence import ApplicationRecorder
from psycopg import sql

from adapters.commit_recorder import address_of
from adapters.second_fold.entries import Entry
from adapters.second_fold.findings import Findings
from adapters.second_fold.islands import Row
from adapters.second_fold.refold import Refold, Refolded, pages

ROWS_AT_ONCE: Final = 5_000
COLUMNS: Final = Entry.__struct_fields__
TABLES: Final = ("ledger", "accounts", "placement")
IN_POSTGRES: Final = "in PostgreSQL"

POSITIONS: Final = "SELECT schema, position FROM projections.position WHERE schema ~ %s"
ENTRIES: Final = sql.SQL("SELECT {columns} FROM {schema}.entries ORDER BY position, index, leg")
BALANCES: Final = sql.SQL("SELECT account, amount_micro FROM {schema}.balances")
CHAIN: Final = sql.SQL("SELECT entries, digest FROM {schema}.chain")
ACCOUNTS: Final = sql.SQL(
    "SELECT account_id, opened_at_ms, free_micro, held_micro, escrow_micro, is_low FROM {schema}.accounts"
)
OF_ISLANDS: Final = (
    "owner_id",
    "karma",
    "is_approved",
    "is_online",
    "is_suspended",
    "is_revoked",
    "is_removed",
    "cooldown_until_ms",
    "pending_minutes",
    "worked_ms",
    "jobs_completed",
    "jobs_failed",
    "active_jobs",
    "valid_in_row",
)
ISLANDS: Final = sql.SQL("SELECT island_id, {columns} FROM {schema}.islands")


@dataclass(frozen=True, slots=True)
class Standing:
    """A live read model: its schema, and the position that its rows stand for."""

    schema: str
    position: int


class Snapshot:
    """The read models at one moment, for as long as it is open."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        """The connection is in a transaction that sees one moment."""
        self._connection = connection
        self.standings = {name: self._standing(name) for name in TABLES}

    @property
    def last(self) -> int:
        """How far the log has to be read to compare everything."""
        return max(standing.position for standing in self.standings.values())

    def _standing(self, name: str) -> Standing:
        """The newest version of a read model; nothing at position 0 where there is none."""
        found = self._connection.execute(POSITIONS, (f"^{name}_v[0-9]+$",)).fetchall()
        newest = max(found, key=lambda row: int(row[0].rpartition("_v")[2]), default=("", 0))
        return Standing(*newest)

    def entries(self) -> Iterator[Entry]:
        """In the order in which they were booked."""
        schema = self.standings["ledger"].schema
        if not schema:
            return
        with self._connection.cursor("second_fold_entries") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            cursor.execute(ENTRIES.format(columns=columns(COLUMNS), schema=sql.Identifier(schema)))
            for row in cursor:
                yield Entry(*row)

    def rows(self, name: str, statement: sql.SQL) -> list[tuple[Any, ...]]:
        schema = self.standings[name].schema
        if not schema:
            return []
        named = statement.format(schema=sql.Identifier(schema), columns=columns(OF_ISLANDS))
        return self._connection.execute(named).fetchall()


def columns(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


class EntryComparison:
    """Goes through both ledgers at once, entry by entry."""

    def __init__(self, findings: Findings, booked: Iterator[Entry]) -> None:
        self._findings = findings
        self._booked = booked
        self._next = next(booked, None)

    def meet(self, entry: Entry) -> None:
        """The next entry of the second fold."""
        while self._next is not None and self._next.key < entry.key:
            self._report_strange(self._next)
        if self._next is None or self._next.key > entry.key:
            self._findings.add(
                entry.address, f"{entry.amount_micro} is missing in PostgreSQL", entry.position
            )
            return
        for column in COLUMNS:
            said, folded = getattr(self._next, column), getattr(entry, column)
            self._findings.compare(entry.address, column, said, folded, entry.position, source=IN_POSTGRES)
        self._next = next(self._booked, None)

    def close(self) -> None:
        while self._next is not None:
            self._report_strange(self._next)

    def _report_strange(self, entry: Entry) -> None:
        fault = f"{entry.amount_micro} is in PostgreSQL and not in the log"
        self._findings.add(entry.address, fault, entry.position)
        self._next = next(self._booked, None)


class Comparison:
    """A second fold that stops at each read model's position to look at its rows.

    `findings` are the differences; what the log itself has wrong is for `refold`.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.findings = Findings()
        self._fold = Refold(Findings())
        self._snapshot = snapshot
        self._entries = EntryComparison(self.findings, snapshot.entries())
        self._due: list[tuple[int, Callable[[int], None]]] = sorted(
            (
                (snapshot.standings["ledger"].position, self._compare_ledger),
                (snapshot.standings["accounts"].position, self._compare_accounts),
                (snapshot.standings["placement"].position, self._compare_islands),
            ),
            key=lambda due: due[0],
        )
        self._ledger_ends = snapshot.standings["ledger"].position

    @property
    def _state(self) -> Refolded:
        return self._fold.state

    def run(self, recorder: ApplicationRecorder, progress: Callable[[int], None]) -> Refolded:
        for page in pages(recorder):
            for notification in page:
                self._compare_before(address_of(notification.id)[0])
                for entry in self._fold.take(notification):
                    if entry.position <= self._ledger_ends:
                        self._entries.meet(entry)
            progress(self._state.position)
        reached = self._state.position
        self._compare_before(self._snapshot.last + 1)
        if reached < self._snapshot.last:
            self.findings.add(
                "PostgreSQL", f"it stands at {self._snapshot.last} and the log ends before", reached
            )
        return self._state

    def _compare_before(self, position: int) -> None:
        while self._due and self._due[0][0] < position:
            at, compare = self._due.pop(0)
            compare(at)

    def _compare_ledger(self, position: int) -> None:
        self._entries.close()
        folded = {account: micro for account, micro in self._state.purses.balances_micro.items() if micro}
        booked = {account: micro for account, micro in self._snapshot.rows("ledger", BALANCES) if micro}
        for account in sorted(folded.keys() | booked.keys()):
            said, is_so = booked.get(account, 0), folded.get(account, 0)
            self._compare(f"balance {account}", "it", said, is_so, position)
        for entries, digest in self._snapshot.rows("ledger", CHAIN):
            self._compare("ledger", "number of entries", entries, self._state.entries, position)
            self._compare("ledger", "digest", bytes(digest).hex(), self._state.digest.hex(), position)

    def _compare_accounts(self, position: int) -> None:
        purses = self._state.purses.purses
        found = {row[0]: row[1:] for row in self._snapshot.rows("accounts", ACCOUNTS)}
        names = ("opening", "free", "held", "in escrow", "low")
        for account_id in sorted(purses.keys() | found.keys()):
            who, purse = f"account {account_id}", purses.get(account_id)
            if purse is None or account_id not in found:
                where = "PostgreSQL alone" if purse is None else "the log alone"
                self.findings.add(who, f"it is in {where}", position)
                continue
            folded = (
                purse.opened_at_ms,
                purse.free_micro,
                purse.held_micro,
                purse.in_escrow_micro,
                purse.is_low,
            )
            for name, said, is_so in zip(names, found[account_id], folded, strict=True):
                self._compare(who, name, said, is_so, position)

    def _compare_islands(self, position: int) -> None:
        rows = self._state.islands.rows
        found = {row[0]: island_row(row[1:]) for row in self._snapshot.rows("placement", ISLANDS)}
        for island_id in sorted(rows.keys() | found.keys()):
            who = f"island {island_id}"
            if island_id not in rows or island_id not in found:
                where = "PostgreSQL alone" if island_id not in rows else "the log alone"
                self.findings.add(who, f"it is in {where}", position)
                continue
            for name in OF_ISLANDS:
                said, folded = getattr(found[island_id], name), getattr(rows[island_id], name)
                self._compare(who, name, said, folded, position)

    def _compare(self, who: str, name: str, said: object, folded: object, position: int) -> None:
        self.findings.compare(who, name, said, folded, position, source=IN_POSTGRES)


def island_row(columns: tuple[Any, ...]) -> Row:
    """`OF_ISLANDS` as PostgreSQL gives them."""
    values = dict(zip(OF_ISLANDS, columns, strict=True))
    return Row(**values | {"active_jobs": set(values["active_jobs"])})


def compare(
    dsn: str, recorder_up_to: Callable[[int], ApplicationRecorder], progress: Callable[[int], None]
) -> tuple[Findings, Refolded]:
    """The differences, and what the log came to. Raises `psycopg.Error` where the database cannot be read.

    `recorder_up_to` gives the log up to the position that the database stands for.
    """
    with psycopg.connect(dsn) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        snapshot = Snapshot(connection)
        comparison = Comparison(snapshot)
        return comparison.findings, comparison.run(recorder_up_to(snapshot.last), progress)
