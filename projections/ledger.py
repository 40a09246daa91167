"""The books: every movement of credits as a balanced transaction of double entry, in whole micro-credits.

What each event moves stands in `postings`. Only `mint` may be below zero. What must not be is refused by constraints in
`ledger.sql`, and then this projection stops; the write side refuses it long before. The entries are chained: each one
changes the digest in `chain`, which `ledger_chain` computes a second time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from commands.event_log import Commit
from domain.account_events import AccountEvent
from domain.ids import AccountId, IslandId, JobId
from domain.treasury_events import TreasuryEvent
from projections import named_sql
from projections.contract import Transaction
from projections.live_batch import KnownRows, Write
from projections.postings import Kind, posting_of
from projections.table import Table

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))
MONEY_EVENTS: Final = (*get_args(AccountEvent), *get_args(TreasuryEvent))


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """One leg of the transaction `(position, index)`, which is the address of the event behind it.

    `account` is the ledger's account, `account_id` whose it is, empty for those of the network. `reference` tells apart
    what may be booked several times: the id of a grant or a correction, the part of a refund. `original` is the
    address of the event that this one puts right. `effective_at_ms` is the event's own time, `posted_at_ms` when the
    log recorded it.
    """

    position: int
    index: int
    leg: int
    account: str
    account_id: AccountId | None
    amount_micro: int
    kind: Kind
    job_id: JobId | None
    island_id: IslandId | None
    reference: str | None
    original: str | None = None
    price_rules_version: int | None
    effective_at_ms: int
    posted_at_ms: int


def owner_of(account: str) -> AccountId | None:
    """Whose ledger account it is; nobody's for mint, fees, treasury and clearing."""
    return AccountId(account.partition(":")[2]) or None


def entries_of(commit: Commit) -> Iterator[EntryRow]:
    """The entries of a commit in order."""
    for index, event in enumerate(commit.events):
        posting = posting_of(event) if isinstance(event, MONEY_EVENTS) else None
        if posting is None:
            continue
        for number, leg in enumerate(posting.legs):
            yield EntryRow(
                position=commit.position,
                index=index,
                leg=number,
                account=leg.account,
                account_id=owner_of(leg.account),
                amount_micro=leg.amount_micro,
                kind=posting.kind,
                job_id=leg.job_id or posting.job_id,
                island_id=posting.island_id,
                reference=posting.reference,
                original=posting.original,
                price_rules_version=posting.price_rules_version,
                effective_at_ms=posting.at_ms,
                posted_at_ms=commit.recorded_at_ms,
            )


ENTRIES: Final[Table[EntryRow]] = Table(EntryRow, "entries", key=("position", "index", "leg"))


class Ledger:
    name = "ledger"
    version = 1
    concerns = frozenset(MONEY_EVENTS)
    migrations = named_sql.migrations(SQL)
    tables: Mapping[str, tuple[str, ...]] = {
        ENTRIES.name: ENTRIES.key,
        "balances": ("account",),
        "chain": ("books",),
    }

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        entries = [entry for commit in commits for entry in entries_of(commit)]
        if entries:
            await ENTRIES.insert(tx, entries)

    async def writes(self, _tx: Transaction, commits: Sequence[Commit], _known: KnownRows) -> Sequence[Write]:
        entries = [entry for commit in commits for entry in entries_of(commit)]
        return [Write(table=ENTRIES, rows=entries, is_insert=True)]
